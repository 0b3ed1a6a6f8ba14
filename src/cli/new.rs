//! `pluginry new`: a folder with a plugin that builds, runs and can be published.

use std::path::{Path, PathBuf};

use super::{Failure, terminal};
use crate::domain::PluginName;

/// Start a plugin: a folder with a Rust project that greets, ready to build.
#[derive(clap::Args)]
pub(super) struct NewArguments {
    /// Its full name, like acme:hello.
    name: PluginName,
    /// Where to write it [default: a new folder with the plugin's name].
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

/// Path in the new folder and content; `{{namespace}}` and `{{name}}` are filled in.
const FILES: [(&str, &str); 7] = [
    ("Cargo.toml", include_str!("../../plugins/template/Cargo.toml.template")),
    ("src/lib.rs", include_str!("../../plugins/template/lib.rs.template")),
    ("plugin.toml", include_str!("../../plugins/template/plugin.toml.template")),
    ("README.md", include_str!("../../plugins/template/README.md.template")),
    (".gitignore", "/target\n"),
    ("wit/plugin.wit", include_str!("../../plugins/wit/plugin.wit")),
    ("wit/worlds.wit", include_str!("../../plugins/wit/worlds.wit")),
];

impl NewArguments {
    pub(super) fn run(self) -> Result<(), Failure> {
        let folder = self.folder.unwrap_or_else(|| PathBuf::from(self.name.name()));
        write(&self.name, &folder)?;
        terminal::say(&format!("{} is in {}. Next:", self.name, folder.display()));
        terminal::say(&format!("    cd {} && pluginry build", folder.display()));
        terminal::print(&folder.display().to_string());
        Ok(())
    }
}

fn write(name: &PluginName, folder: &Path) -> Result<(), Failure> {
    let is_free = match std::fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    };
    if !is_free {
        let message = format!("{} exists already and is not an empty folder", folder.display());
        return Err(Failure::new("folder-not-empty", message)
            .with_mend("Choose another with --folder, or move what is there."));
    }
    for (path, template) in FILES {
        let path = folder.join(path);
        let parent = path.parent().expect("every file lies in the folder");
        std::fs::create_dir_all(parent).map_err(|error| Failure::file("create", parent, error))?;
        let text =
            template.replace("{{namespace}}", name.namespace().as_str()).replace("{{name}}", name.name());
        std::fs::write(&path, text).map_err(|error| Failure::file("write", &path, error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Manifest;

    #[test]
    fn the_new_folder_holds_a_manifest_of_that_name_and_no_open_blanks() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("hello-world");
        write(&"acme:hello-world".parse().unwrap(), &target).unwrap();

        let manifest =
            Manifest::from_toml(&std::fs::read_to_string(target.join("plugin.toml")).unwrap()).unwrap();
        assert_eq!(manifest.plugin.name.to_string(), "acme:hello-world");
        assert_eq!(manifest.verify.len(), 2);
        for (path, _) in FILES {
            assert!(!std::fs::read_to_string(target.join(path)).unwrap().contains("{{"), "{path}");
        }
    }

    #[test]
    fn a_folder_with_something_in_it_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("diary.txt"), "dear").unwrap();

        let failure = write(&"acme:hello".parse().unwrap(), folder.path()).unwrap_err();

        assert_eq!(failure.code(), "folder-not-empty");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
