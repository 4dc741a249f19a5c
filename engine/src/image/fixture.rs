//! Archives made by hand, also such as no tool would make.

use tar::{Builder, EntryType, Header};

type Adjust = fn(&mut Header);

/// Writes entries one after another. Owner is 1:2, mode 755, time 1000.
pub(crate) struct Tar {
    tar: Builder<Vec<u8>>,
    /// For the next entry only.
    adjust: Option<Adjust>,
}

impl Tar {
    pub(crate) fn new() -> Self {
        Self { tar: Builder::new(Vec::new()), adjust: None }
    }

    /// Changes the header of the next entry.
    pub(crate) fn with(mut self, adjust: Adjust) -> Self {
        self.adjust = Some(adjust);
        self
    }

    /// Extended fields of the next entry.
    pub(crate) fn pax(mut self, fields: &[(&str, &[u8])]) -> Self {
        self.tar.append_pax_extensions(fields.iter().copied()).unwrap();
        self
    }

    pub(crate) fn file(self, name: &str, text: &str) -> Self {
        self.data(name, text.as_bytes())
    }

    pub(crate) fn data(self, name: &str, data: &[u8]) -> Self {
        self.entry(name, EntryType::Regular, "", (0, 0), data)
    }

    pub(crate) fn folder(self, name: &str) -> Self {
        self.entry(name, EntryType::Directory, "", (0, 0), &[])
    }

    pub(crate) fn symlink(self, name: &str, target: &str) -> Self {
        self.entry(name, EntryType::Symlink, target, (0, 0), &[])
    }

    pub(crate) fn link(self, name: &str, target: &str) -> Self {
        self.entry(name, EntryType::Link, target, (0, 0), &[])
    }

    pub(crate) fn node(self, name: &str, kind: EntryType, device: (u32, u32)) -> Self {
        self.entry(name, kind, "", device, &[])
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.tar.into_inner().unwrap()
    }

    /// Names are put into the header as they are: the library would refuse some.
    fn entry(mut self, name: &str, kind: EntryType, link: &str, device: (u32, u32), data: &[u8]) -> Self {
        let mut header = Header::new_ustar();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(0o755);
        header.set_uid(1);
        header.set_gid(2);
        header.set_mtime(1000);
        header.set_size(data.len() as u64);
        header.set_device_major(device.0).unwrap();
        header.set_device_minor(device.1).unwrap();
        if let Some(adjust) = self.adjust.take() {
            adjust(&mut header);
        }
        header.set_cksum();
        self.tar.append(&header, data).unwrap();
        self
    }
}
