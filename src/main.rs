//! The `pluginry` program: server, command line and reference runtime in one.

fn main() -> std::process::ExitCode {
    pluginry::cli::main()
}
