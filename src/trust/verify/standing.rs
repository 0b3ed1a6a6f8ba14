//! Step 7: how old the release is, and whether its author or the registry took it back.

use super::words::{minute_of, state_word, time_between};
use super::{ProvenRelease, StepRefusal};
use crate::domain::VerificationState;
use crate::trust::{LogEvent, RecallKind, Standing, read_standing};

/// Nothing stands against the release.
pub(super) struct CheckedStanding {
    pub(super) yanked: bool,
    pub(super) evidence: String,
    pub(super) remarks: Vec<String>,
}

/// What the log says about a release at its end.
#[derive(Default)]
struct LoggedState {
    verification: Option<VerificationState>,
    yanked: bool,
    quarantined: bool,
    taken_down: bool,
    recalled: bool,
}

impl ProvenRelease<'_> {
    /// Age, yank, quarantine, takedown and recall: by the registry's standing, its log and its recall feed.
    pub(super) fn check_standing(&self) -> Result<CheckedStanding, StepRefusal> {
        let standing = self.read_standing()?;
        let mut told = vec![self.check_age()?];
        let mut remarks = Vec::new();
        if standing.yanked {
            self.check_yank()?;
            told.push("yanked, but locked".into());
            remarks.push(
                "Its author yanked it: it should not be chosen any more. Resolve again for another release."
                    .into(),
            );
        } else {
            told.push("not yanked".into());
        }
        check_withdrawn(&standing)?;
        told.push(format!("not recalled as of {}", minute_of(standing.issued_at)));
        told.extend(self.check_recalls()?);
        if self.check.recalls.is_none() {
            remarks.push(format!(
                "No recall feed was given: whether it was recalled after {} was not checked. Give --recalls.",
                minute_of(standing.issued_at)
            ));
        }
        if let Some(advice) = &standing.deprecated {
            remarks.push(format!("Its author deprecated it: {advice}"));
        }
        Ok(CheckedStanding { yanked: standing.yanked, evidence: told.join(", "), remarks })
    }

    fn read_standing(&self) -> Result<Standing, StepRefusal> {
        // Which keys count depends on the tree size that is inside, so every key that counts now is tried.
        let standing = read_standing(
            &self.bundle.standing,
            &self.check.trust.registry_keys_at(self.checkpoint.tree_size),
        )?;
        standing.check_subject(self.check.release, self.bundle.digest)?;
        let log = &self.checkpoint;
        if standing.tree_size < log.tree_size {
            return Err(StepRefusal::StandingOutdated { found: standing.tree_size, expected: log.tree_size });
        }
        if standing.tree_size == log.tree_size && standing.root != log.root {
            return Err(StepRefusal::Forked {
                tree_size: log.tree_size,
                found: standing.root.to_string(),
                known: log.root.to_string(),
            });
        }
        self.check_against_log(&standing)?;
        Ok(standing)
    }

    /// A standing of the same tree must say what the entries of that tree say.
    fn check_against_log(&self, standing: &Standing) -> Result<(), StepRefusal> {
        if standing.tree_size != self.checkpoint.tree_size {
            return Ok(());
        }
        let logged = self.logged_state();
        let flags = [
            ("yanked", standing.yanked, logged.yanked),
            ("quarantined", standing.quarantined.is_some(), logged.quarantined),
            ("taken down", standing.taken_down.is_some(), logged.taken_down),
            ("recalled", standing.recalled.is_some(), logged.recalled),
        ];
        let told = |what: &str, is: bool| if is { what.to_owned() } else { format!("not {what}") };
        if let Some((what, said, logged)) = flags.into_iter().find(|(_, said, logged)| said != logged) {
            return Err(StepRefusal::StandingContradicted {
                said: told(what, said),
                logged: told(what, logged),
            });
        }
        let verification = logged.verification.unwrap_or(VerificationState::Pending);
        if standing.verification != verification {
            return Err(StepRefusal::StandingContradicted {
                said: format!("verification {}", state_word(standing.verification)),
                logged: logged.verification.map_or_else(
                    || "nothing of a verdict".to_owned(),
                    |state| format!("verification {}", state_word(state)),
                ),
            });
        }
        let revoked_from = self.revoked_from();
        if standing.signer_revoked_from != revoked_from {
            let told = |from: Option<u64>| match from {
                Some(index) => format!("the signer's key revoked from index {index} on"),
                None => "the signer's key not revoked".into(),
            };
            return Err(StepRefusal::StandingContradicted {
                said: told(standing.signer_revoked_from),
                logged: told(revoked_from),
            });
        }
        Ok(())
    }

    fn logged_state(&self) -> LoggedState {
        let verification = self.verdict.as_ref().map(|verdict| verdict.entry.state);
        let mut state = LoggedState { verification, ..LoggedState::default() };
        for event in &self.events {
            match &event.entry {
                LogEvent::Yank(_) => state.yanked = true,
                LogEvent::Unyank(_) => state.yanked = false,
                LogEvent::Quarantine(advice) => state.quarantined = advice.reason.is_some(),
                LogEvent::Takedown(advice) => state.taken_down = advice.reason.is_some(),
                LogEvent::Recall(advice) => state.recalled = advice.reason.is_some(),
                _ => {}
            }
        }
        state
    }

    fn check_age(&self) -> Result<String, StepRefusal> {
        let (published_at, now) = (self.publish.entry.at, self.check.now);
        let age_hours = now.as_micros().saturating_sub(published_at.as_micros()) / 3_600_000_000;
        let wanted = self.check.demands.min_age_hours;
        if let Some(min_age_hours) = wanted.filter(|hours| age_hours < i64::from(*hours)) {
            return Err(StepRefusal::TooYoung { published_at, age_hours, min_age_hours });
        }
        Ok(format!("published {} ago ({})", time_between(published_at, now), minute_of(published_at)))
    }

    /// A yank keeps others from choosing it; those who locked it may stay.
    fn check_yank(&self) -> Result<(), StepRefusal> {
        if self.check.pinned.is_some() || self.check.demands.accept_yanked {
            return Ok(());
        }
        Err(StepRefusal::Yanked)
    }

    fn check_recalls(&self) -> Result<Option<String>, StepRefusal> {
        let Some(feed) = self.check.recalls else { return Ok(None) };
        if feed.is_expired(self.check.now) {
            return Err(StepRefusal::RecallsExpired { expired_at: feed.expires_at });
        }
        if let Some(item) = feed.item(self.bundle.digest) {
            let what = match item.kind {
                RecallKind::Recall => "recalled",
                RecallKind::Quarantine => "quarantined",
                RecallKind::Takedown => "took down",
            };
            return Err(StepRefusal::Withdrawn { what, reason: item.reason.clone() });
        }
        Ok(Some(format!("recall feed of {} does not name it", minute_of(feed.issued_at))))
    }
}

fn check_withdrawn(standing: &Standing) -> Result<(), StepRefusal> {
    let withdrawn = [
        ("recalled", &standing.recalled),
        ("took down", &standing.taken_down),
        ("quarantined", &standing.quarantined),
    ];
    match withdrawn.into_iter().find_map(|(what, reason)| Some((what, reason.clone()?))) {
        Some((what, reason)) => Err(StepRefusal::Withdrawn { what, reason }),
        None => Ok(()),
    }
}
