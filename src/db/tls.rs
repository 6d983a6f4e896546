//! TLS as libpq's `sslmode` describes it, done by rustls.
//!
//! Manual: <https://www.postgresql.org/docs/current/libpq-ssl.html>.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use postgres::config::SslMode as WireMode;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::connect::{ConnectError, Conninfo, expected};

/// How much protection a connection must have. `allow` is read as `prefer`: it is never weaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SslMode {
    Disable,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

/// Whom to trust.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Root {
    Nobody,
    File(PathBuf),
    System,
}

/// The TLS part of a target.
#[derive(Clone, Debug)]
pub(super) struct TlsSettings {
    pub(super) mode: SslMode,
    /// TLS without asking for it first (`sslnegotiation=direct`, PostgreSQL 17).
    pub(super) direct: bool,
    root: Root,
    /// The client's own certificate and its key.
    identity: Option<(PathBuf, PathBuf)>,
}

impl SslMode {
    fn from_name(name: &str) -> Option<Self> {
        match name {
            "disable" => Some(Self::Disable),
            "allow" | "prefer" => Some(Self::Prefer),
            "require" => Some(Self::Require),
            "verify-ca" => Some(Self::VerifyCa),
            "verify-full" => Some(Self::VerifyFull),
            _ => None,
        }
    }

    /// What the wire protocol has to know of it.
    pub(super) fn on_the_wire(self) -> WireMode {
        match self {
            Self::Disable => WireMode::Disable,
            Self::Prefer => WireMode::Prefer,
            Self::Require | Self::VerifyCa | Self::VerifyFull => WireMode::Require,
        }
    }
}

impl TlsSettings {
    /// Reads `sslmode`, `sslrootcert`, `sslcert`, `sslkey`, `sslnegotiation` and their defaults in `~/.postgresql`.
    pub(super) fn from_conninfo(info: &Conninfo, home: Option<&Path>) -> Result<Self, ConnectError> {
        let default_file =
            |name: &str| Some(home?.join(".postgresql").join(name)).filter(|path| path.exists());
        let root = match info.value("sslrootcert") {
            Some("system") => Root::System,
            Some(path) => Root::File(path.into()),
            None => default_file("root.crt").map_or(Root::Nobody, Root::File),
        };
        let mode = match info.value("sslmode") {
            Some(name) => SslMode::from_name(name).ok_or(expected(
                "sslmode",
                "disable, allow, prefer, require, verify-ca or verify-full",
            ))?,
            None if root == Root::System => SslMode::VerifyFull,
            None => SslMode::Prefer,
        };
        // Anybody can have a certificate of a public authority, so without the name it proves nothing.
        if root == Root::System && mode != SslMode::VerifyFull {
            return Err(expected("sslmode", "verify-full when sslrootcert is system"));
        }
        let direct = match info.value("sslnegotiation") {
            None | Some("postgres") => false,
            Some("direct") if mode >= SslMode::Require => true,
            Some("direct") => {
                return Err(expected(
                    "sslmode",
                    "require or more when sslnegotiation is direct",
                ));
            }
            Some(_) => return Err(expected("sslnegotiation", "postgres or direct")),
        };
        let own = |name, file| info.value(name).map(PathBuf::from).or_else(|| default_file(file));
        let identity = own("sslcert", "postgresql.crt").zip(own("sslkey", "postgresql.key"));
        Ok(Self {
            mode,
            direct,
            root,
            identity,
        })
    }

    /// Makes the connector for connections of this mode.
    pub(super) fn connector(&self, mode: SslMode) -> Result<MakeRustlsConnect, ConnectError> {
        let provider = Arc::new(ring::default_provider());
        let trust = self.trust(mode)?;
        let verifier = ServerCheck {
            provider: Arc::clone(&provider),
            trust,
            name: mode == SslMode::VerifyFull,
        };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable("TLS", error))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match &self.identity {
            Some((certificate, key)) if mode != SslMode::Disable => {
                let chain = read_certificates(certificate)?;
                let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| unusable_file(key, error))?;
                builder
                    .with_client_auth_cert(chain, secret)
                    .map_err(|error| unusable_file(certificate, error))?
            }
            _ => builder.with_no_client_auth(),
        };
        if self.direct {
            // The server insists on it when it is not asked for TLS first.
            config.alpn_protocols = vec![b"postgresql".to_vec()];
        }
        Ok(MakeRustlsConnect::new(config))
    }

    /// Loads the trusted certificates; none when the mode does not verify.
    ///
    /// `require` with a root file verifies the chain, as libpq does. `prefer` never does: its answer to a failed
    /// check would be no encryption at all.
    fn trust(&self, mode: SslMode) -> Result<Option<Trust>, ConnectError> {
        match (mode, &self.root) {
            (SslMode::Disable | SslMode::Prefer, _) | (SslMode::Require, Root::Nobody) => Ok(None),
            (SslMode::VerifyCa | SslMode::VerifyFull, Root::Nobody) => Err(unusable(
                "root certificate",
                "sslmode asks to verify the server, but no root certificate is given",
            )),
            (_, Root::File(path)) => {
                let trust = Trust::new(read_certificates(path)?);
                if trust.roots.is_empty() {
                    return Err(unusable_file(path, "it holds no certificate that can be trusted"));
                }
                Ok(Some(trust))
            }
            (_, Root::System) => {
                let loaded = rustls_native_certs::load_native_certs();
                if loaded.certs.is_empty() {
                    return Err(unusable("system's root certificates", "there are none"));
                }
                Ok(Some(Trust::new(loaded.certs)))
            }
        }
    }
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ConnectError> {
    CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| unusable_file(path, error))
}

fn unusable_file(path: &Path, cause: impl ToString) -> ConnectError {
    unusable(&path.display().to_string(), cause)
}

fn unusable(what: &str, cause: impl ToString) -> ConnectError {
    ConnectError::Certificate {
        what: what.to_owned(),
        cause: cause.to_string(),
    }
}

/// The trusted certificates, as a store and as they are.
#[derive(Debug)]
struct Trust {
    roots: RootCertStore,
    exact: Vec<CertificateDer<'static>>,
}

impl Trust {
    fn new(exact: Vec<CertificateDer<'static>>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(exact.iter().cloned());
        Self { roots, exact }
    }
}

/// Checks the server's certificate as far as the mode asks.
#[derive(Debug)]
struct ServerCheck {
    provider: Arc<CryptoProvider>,
    trust: Option<Trust>,
    name: bool,
}

impl ServerCheck {
    /// The chain must end at a trusted certificate, or the server's certificate be one itself: the manual's recipe
    /// for a self-signed server certificate makes one that calls itself an authority, which webpki refuses.
    /// Its dates count all the same; webpki looks at them first.
    fn check_chain(
        &self,
        trust: &Trust,
        certificate: &ParsedCertificate<'_>,
        server: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        let algorithms = self.provider.signature_verification_algorithms.all;
        match verify_server_cert_signed_by_trust_anchor(
            certificate,
            &trust.roots,
            intermediates,
            now,
            algorithms,
        ) {
            Err(Error::InvalidCertificate(CertificateError::Other(_))) if trust.exact.contains(server) => {
                Ok(())
            }
            result => result,
        }
    }
}

impl ServerCertVerifier for ServerCheck {
    fn verify_server_cert(
        &self,
        server: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(trust) = &self.trust {
            let certificate = ParsedCertificate::try_from(server)?;
            self.check_chain(trust, &certificate, server, intermediates, now)?;
            if self.name {
                verify_server_name(&certificate, name)?;
            }
        }
        Ok(ServerCertVerified::assertion())
    }

    // Without trust, a signature by an unknown key proves nothing, and checking it would refuse the X.509 v1
    // certificates that `openssl req -x509` has long made and that libpq accepts.
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        server: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match self.trust {
            Some(_) => {
                let algorithms = &self.provider.signature_verification_algorithms;
                verify_tls12_signature(message, server, signature, algorithms)
            }
            None => Ok(HandshakeSignatureValid::assertion()),
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        server: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match self.trust {
            Some(_) => {
                let algorithms = &self.provider.signature_verification_algorithms;
                verify_tls13_signature(message, server, signature, algorithms)
            }
            None => Ok(HandshakeSignatureValid::assertion()),
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
