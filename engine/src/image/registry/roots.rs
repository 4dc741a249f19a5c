//! Certificates of the authorities that vouch for registries.

use super::Settings;
use super::settings::without_port;
use crate::error::{Context, Error, Kind, Result};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use ureq::tls::{Certificate, PemItem, parse_pem};

/// Where distributions keep what the system trusts; the first that exists counts.
const BUNDLES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// What every host's certificate may come from.
pub(crate) fn of_system(settings: &Settings) -> Result<Vec<Certificate<'static>>> {
    if !settings.roots.is_empty() {
        return read_all(&settings.roots);
    }
    let bundle = BUNDLES.iter().map(Path::new).find(|path| path.exists());
    // Without any, hosts with a `ca` of their own can still be trusted.
    bundle.map_or_else(|| Ok(Vec::new()), read)
}

/// What only this host's certificate may come from.
pub(crate) fn of_host(settings: &Settings, host: &str) -> Result<Vec<Certificate<'static>>> {
    let own = settings.of(host).map(|registry| registry.ca.as_slice()).unwrap_or_default();
    let mut all = read_all(own)?;
    let folders = settings.certificates.iter();
    for folder in folders.flat_map(|folder| [folder.join(host), folder.join(without_port(host))]) {
        all.extend(read_all(&certificates_in(&folder)?)?);
    }
    Ok(all)
}

fn certificates_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        entries => entries.doing(|| format!("look into {}", folder.display()))?,
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    Ok(paths.filter(|path| path.extension().is_some_and(|end| end == "crt")).collect())
}

fn read_all(paths: &[PathBuf]) -> Result<Vec<Certificate<'static>>> {
    let lists = paths.iter().map(|path| read(path)).collect::<Result<Vec<_>>>()?;
    Ok(lists.concat())
}

fn read(path: &Path) -> Result<Vec<Certificate<'static>>> {
    let pem = fs::read(path).doing(|| format!("read the certificates in {}", path.display()))?;
    let certificates = parse_pem(&pem).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    let certificates: Vec<_> = certificates.collect();
    if certificates.is_empty() {
        return Err(Error::new(Kind::Unsupported, format!("{} has no certificate in it", path.display()))
            .hint("certificates are PEM: they begin with `-----BEGIN CERTIFICATE-----`"));
    }
    Ok(certificates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_certificate_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.pem");
        fs::write(&file, "-----BEGIN NOTHING-----\n").unwrap();
        let settings = Settings { roots: vec![file], ..Settings::default() };
        assert!(of_system(&settings).unwrap_err().doing.contains("a.pem has no certificate"));
        let missing = Settings { roots: vec![folder.path().join("b.pem")], ..Settings::default() };
        assert!(of_system(&missing).unwrap_err().doing.contains("b.pem"));
    }

    #[test]
    fn a_host_has_its_own_folder() {
        let folder = tempfile::tempdir().unwrap();
        let of = folder.path().join("reg:5000");
        fs::create_dir(&of).unwrap();
        fs::write(of.join("ca.crt"), "not one").unwrap();
        fs::write(of.join("client.cert"), "no authority").unwrap();
        let settings = Settings { certificates: vec![folder.path().into()], ..Settings::default() };
        assert!(of_host(&settings, "reg:5000").unwrap_err().doing.contains("ca.crt"));
        assert_eq!(of_host(&settings, "reg:5001").unwrap().len(), 0);
    }
}
