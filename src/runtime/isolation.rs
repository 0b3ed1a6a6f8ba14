//! Locking the verification child down before it touches the bytes.
//!
//! Resource limits hold everywhere; Landlock and seccomp where the kernel has them, and the report
//! says which were there. All of it is one-way: the process cannot loosen it again.

use std::collections::BTreeMap;

use landlock::{ABI, Access as _, AccessFs, AccessNet, Ruleset, RulesetAttr as _, RulesetStatus, Scope};
use rustix::process::{Resource, Rlimit, nice, setrlimit};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

use super::{Isolation, VerificationLimits};

/// Every system call the child still needs: memory, its pipes, its one other thread, its clocks, its end.
const ALLOWED_CALLS: &[i64] = &[
    libc::SYS_brk,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_close,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_fstat,
    libc::SYS_futex,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_gettid,
    libc::SYS_lseek,
    libc::SYS_madvise,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_nanosleep,
    libc::SYS_read,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_sigaltstack,
    libc::SYS_statx,
    libc::SYS_tgkill,
    libc::SYS_write,
    libc::SYS_writev,
];

/// How far the child steps behind: about a third of a busy processor is left to it, so that it still ends within its
/// wall clock and no package fails for what others do.
const NICENESS: i32 = 5;

/// Locks this process down. Threads that it still needs must be running already.
pub(super) fn lock_down(limits: &VerificationLimits) -> Isolation {
    Isolation { resource_limits: bound_resources(limits), landlock: forbid_files(), seccomp: filter_calls() }
}

/// Lets requests go first: the run has seconds, they have milliseconds. Threads started later inherit it.
pub(super) fn yield_to_others() {
    // A kernel that refuses costs speed and no safety.
    let _ = nice(NICENESS);
}

fn bound_resources(limits: &VerificationLimits) -> bool {
    let bounds = [
        (Resource::Core, 0, 0),
        (Resource::As, limits.address_space_bytes, limits.address_space_bytes),
        // The soft limit's SIGXCPU tells the parent why; the hard one ends a child that ignores it.
        (Resource::Cpu, limits.cpu_seconds, limits.cpu_seconds + 2),
        (Resource::Fsize, 0, 0),
        (Resource::Nofile, 8, 8),
        (Resource::Nproc, 0, 0),
    ];
    bounds.into_iter().all(|(resource, soft, hard)| {
        setrlimit(resource, Rlimit { current: Some(soft), maximum: Some(hard) }).is_ok()
    })
}

fn forbid_files() -> bool {
    let abi = ABI::V6;
    let restricted = Ruleset::default()
        .handle_access(AccessFs::from_all(abi))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(abi)))
        .and_then(|rules| rules.scope(Scope::from_all(abi)))
        .and_then(Ruleset::create)
        .and_then(|rules| rules.restrict_self());
    restricted.is_ok_and(|status| status.ruleset != RulesetStatus::NotEnforced)
}

/// Every other call fails with EPERM rather than killing, so that a library's probing does no harm.
fn filter_calls() -> bool {
    let rules: BTreeMap<i64, Vec<_>> = ALLOWED_CALLS.iter().map(|call| (*call, Vec::new())).collect();
    let Ok(architecture) = std::env::consts::ARCH.try_into() else { return false };
    let refuse = SeccompAction::Errno(libc::EPERM.cast_unsigned());
    let filter = SeccompFilter::new(rules, refuse, SeccompAction::Allow, architecture);
    let program: Result<BpfProgram, _> = filter.and_then(TryInto::try_into);
    program.is_ok_and(|program| seccompiler::apply_filter_all_threads(&program).is_ok())
}
