//! A server on TCP with certificates, and the home of its client.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::PathBuf;

use pgcleave::db::connect::{ConnectError, Target};
use pgcleave::server::{Programs, Server};
use postgres::{Client, NoTls};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

pub const PASSWORD: &str = "s3cret@/?# ä";
pub const URL_PASSWORD: &str = "s3cret%40%2F%3F%23%20%C3%A4";

/// `app` is reached by TLS only, `plain` without TLS only.
const HBA: &str = "\
local all all trust
hostssl app all 127.0.0.1/32 scram-sha-256
hostnossl plain all 127.0.0.1/32 scram-sha-256
";

/// A server on TCP and the client's home.
pub struct Site {
    pub server: Server,
    pub home: TempDir,
}

impl Site {
    pub fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port()
            .to_string();
        let settings = [("listen_addresses", "127.0.0.1"), ("port", &port)];
        let server = Server::start(&Programs::find().unwrap(), &settings).unwrap();
        for name in ["app", "plain"] {
            server.create_database(name).unwrap();
        }
        let site = Self {
            server,
            home: TempDir::new().unwrap(),
        };
        let password = format!("CREATE ROLE ann LOGIN PASSWORD '{PASSWORD}'");
        site.admin().batch_execute(&password).unwrap();
        let hba = site.give("hba.conf", HBA);
        site.configure("hba_file", hba.to_str().unwrap());
        site.server.restart().unwrap();
        site
    }

    /// With a certificate for `localhost` by an authority of its own, which it returns.
    pub fn start_with_tls() -> (Self, PathBuf) {
        let site = Self::start();
        let authority = authority("right");
        let key = KeyPair::generate().unwrap();
        let server = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let server = server.signed_by(&key, &authority).unwrap();
        site.use_certificate(&server.pem(), &key);
        let root = site.home.path().join("right.crt");
        fs::write(&root, authority.pem()).unwrap();
        (site, root)
    }

    pub fn use_certificate(&self, certificate: &str, key: &KeyPair) {
        let certificate = self.give("server.crt", certificate);
        let key = self.give("server.key", &key.serialize_pem());
        self.configure("ssl_cert_file", certificate.to_str().unwrap());
        self.configure("ssl_key_file", key.to_str().unwrap());
        self.configure("ssl", "on");
        self.server.restart().unwrap();
    }

    /// Writes a file that the server's user owns, beside its socket.
    fn give(&self, name: &str, text: &str) -> PathBuf {
        let folder = self.server.socket_dir();
        let owner = fs::metadata(folder).unwrap();
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
        path
    }

    pub fn admin(&self) -> Client {
        Client::connect(&self.server.url("postgres"), NoTls).unwrap()
    }

    fn configure(&self, setting: &str, value: &str) {
        self.admin()
            .batch_execute(&format!("ALTER SYSTEM SET {setting} = '{value}'"))
            .unwrap();
    }

    pub fn resolve(&self, url: &str, variables: &[(&str, &str)]) -> Target {
        let env = |name: &str| match name {
            "HOME" => Some(self.home.path().to_str().unwrap().to_owned()),
            _ => variables
                .iter()
                .find(|(variable, _)| *variable == name)
                .map(|(_, value)| (*value).to_owned()),
        };
        Target::resolve(Some(url), &env).unwrap()
    }

    /// Opens `app` under this host name, but at 127.0.0.1.
    pub fn open(&self, host: &str, parameters: &str) -> Result<Client, ConnectError> {
        self.resolve(&self.url("app", host, parameters), &[]).open()
    }

    pub fn url(&self, dbname: &str, host: &str, parameters: &str) -> String {
        let port = self.server.port();
        format!("postgres://ann:{URL_PASSWORD}@{host}:{port}/{dbname}?hostaddr=127.0.0.1&{parameters}")
    }
}

pub fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}
