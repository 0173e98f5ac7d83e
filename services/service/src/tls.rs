//! One TLS configuration for HTTP and WebSocket: the machine's roots, and the owner's own where there is one.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// What the machine trusts, read from its disk once.
static ROOTS: OnceLock<RootCertStore> = OnceLock::new();
/// The configuration that trusts nothing beside it.
static PLAIN: OnceLock<Arc<ClientConfig>> = OnceLock::new();

/// A client's configuration that trusts what the machine trusts and the certificates of `ca_file` (PEM). The error says what is wrong with
/// the file.
pub fn client_config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, String> {
    if let (None, Some(known)) = (ca_file, PLAIN.get()) {
        return Ok(known.clone());
    }
    let mut roots = ROOTS.get_or_init(of_this_machine).clone();
    if let Some(path) = ca_file {
        let wrong = |why: String| format!("ca_file {}: {why}; give a file with the certificate of your own CA in PEM", path.display());
        let pem = std::fs::read(path).map_err(|e| wrong(e.to_string()))?;
        let mut found = 0;
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate.map_err(|e| wrong(e.to_string()))?;
            roots.add(certificate).map_err(|e| wrong(e.to_string()))?;
            found += 1;
        }
        if found == 0 {
            return Err(wrong("there is no certificate in it".to_owned()));
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = Arc::new(builder.map_err(|e| e.to_string())?.with_root_certificates(roots).with_no_client_auth());
    Ok(if ca_file.is_none() { PLAIN.get_or_init(|| config).clone() } else { config })
}

fn of_this_machine() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    // A root that cannot be read is one fewer to trust; a machine without any can still speak plain HTTP.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_certificate_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = client_config(Some(file.path())).unwrap_err();
        assert!(error.contains("there is no certificate in it") && error.contains("PEM"), "{error}");
    }

    #[test]
    fn what_the_machine_trusts_is_read_once() {
        let (one, two) = (client_config(None).unwrap(), client_config(None).unwrap());
        assert!(Arc::ptr_eq(&one, &two));
    }
}
