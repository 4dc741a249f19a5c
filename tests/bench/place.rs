//! Where the benchmark works: folders of its own, an image, stack files.

use crate::Result;
use crate::tools::{self, Composer};
use serde_json::json;
use std::cell::RefCell;
use std::fmt::Write;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The name under which the image is known to all who run containers.
pub(crate) const IMAGE: &str = "sampan-bench";

/// Folders that go away with this value.
pub(crate) struct Place {
    /// The program that is measured.
    pub(crate) sampan: PathBuf,
    /// Its `--root`.
    pub(crate) root: PathBuf,
    /// Its `--runtime`.
    pub(crate) runtime: PathBuf,
    /// Root file system as an archive.
    pub(crate) archive: PathBuf,
    stacks: RefCell<Vec<PathBuf>>,
    folder: TempDir,
    _runtime: TempDir,
}

impl Place {
    /// Makes the folders and gives sampan the image. On disk, as in real use; what is volatile
    /// goes to memory.
    pub(crate) fn new(sampan: PathBuf) -> Result<Self> {
        let folder = TempDir::with_prefix_in("sampan-bench-", "/var/tmp")?;
        let volatile = TempDir::with_prefix_in("sampan-bench-", "/run")?;
        let archive = folder.path().join("busybox.tar");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/busybox-image.sh");
        tools::succeed(Command::new(script).stdout(File::create(&archive)?))?;
        let (root, runtime) = (folder.path().join("root"), volatile.path().to_owned());
        let stacks = RefCell::default();
        let place = Self { sampan, root, runtime, archive, stacks, folder, _runtime: volatile };
        let import = [Path::new("image"), Path::new("import"), &place.archive, Path::new(IMAGE)];
        tools::succeed(tools::quiet(&place.sampan).args(place.roots()).args(import))?;
        Ok(place)
    }

    /// The options that keep sampan in here.
    pub(crate) fn roots(&self) -> [&Path; 4] {
        [Path::new("--root"), &self.root, Path::new("--runtime"), &self.runtime]
    }

    /// A stack file of so many services that differ only by name.
    pub(crate) fn stack(&self, name: &str, size: usize, body: &str) -> Result<PathBuf> {
        let mut text = format!("name: bench-{name}\nservices:\n");
        for n in 1..=size {
            write!(text, "  s{n}:\n    image: {IMAGE}\n")?;
            body.lines().try_for_each(|line| writeln!(text, "    {line}"))?;
        }
        let path = self.folder(&format!("{name}-{size}"))?.join("compose.yaml");
        fs::write(&path, text)?;
        self.stacks.borrow_mut().push(path.clone());
        Ok(path)
    }

    /// The same root file system as a bundle of the OCI runtime specification, to run `true`.
    pub(crate) fn bundle(&self) -> Result<PathBuf> {
        let bundle = self.folder("bundle")?;
        let rootfs = self.folder("bundle/rootfs")?;
        tools::succeed(Command::new("tar").arg("-xf").arg(&self.archive).arg("-C").arg(rootfs))?;
        tools::succeed(tools::quiet("crun").arg("spec").current_dir(&bundle))?;
        let config = bundle.join("config.json");
        let mut spec: serde_json::Value = serde_json::from_slice(&fs::read(&config)?)?;
        spec["process"]["args"] = json!(["true"]);
        spec["process"]["terminal"] = json!(false);
        fs::write(&config, spec.to_string())?;
        Ok(bundle)
    }

    /// A new folder.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf> {
        let path = self.folder.path().join(name);
        fs::create_dir_all(&path)?;
        Ok(path)
    }
}

impl Drop for Place {
    /// Takes down what a failure left up.
    fn drop(&mut self) {
        for file in self.stacks.take() {
            // Only tidying: what went wrong before is what the user should read.
            let _ = Composer::sampan(self).stack(&file).args(["down", "-v"]).done();
        }
    }
}
