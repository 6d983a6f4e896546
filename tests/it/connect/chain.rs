//! Root, intermediate, server: what a company's own authority looks like.

use std::fs;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};

use super::site::{Site, authority};
use super::{refusal, root_parameter, uses_tls};

#[test]
fn verify_full_follows_a_chain_through_an_intermediate_and_refuses_every_flaw() {
    let site = Site::start();
    let (root, other) = (authority("root"), authority("other root"));
    let file = |name: &str, pem: &str| {
        let path = site.home.path().join(name);
        fs::write(&path, pem).unwrap();
        root_parameter("verify-full", &path)
    };
    let (trusted, stranger) = (file("root.crt", &root.pem()), file("other.crt", &other.pem()));
    let intermediate = |is_ca: IsCa| {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = is_ca;
        params.distinguished_name.push(DnType::CommonName, "intermediate");
        CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), &root).unwrap()
    };
    let between = intermediate(IsCa::Ca(BasicConstraints::Constrained(0)));
    let key = KeyPair::generate().unwrap();
    let server = |expires: i32, issuer: &CertifiedIssuer<'static, KeyPair>| {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.not_before = date_time_ymd(2019, 1, 1);
        params.not_after = date_time_ymd(expires, 1, 1);
        params.signed_by(&key, issuer).unwrap().pem()
    };

    let good = server(2200, &between);
    site.use_certificate(&format!("{good}{}", between.pem()), &key);
    assert!(uses_tls(site.open("localhost", &trusted)));
    let told = refusal(site.open("other.example", &trusted));
    assert!(told.contains("not valid for name"), "{told}");
    let told = refusal(site.open("localhost", &stranger));
    assert!(told.contains("UnknownIssuer"), "{told}");

    // The server keeps its intermediate to itself.
    site.use_certificate(&good, &key);
    let told = refusal(site.open("localhost", &trusted));
    assert!(told.contains("UnknownIssuer"), "{told}");
    let both = file("both.crt", &format!("{}{}", between.pem(), root.pem()));
    assert!(uses_tls(site.open("localhost", &both)));

    site.use_certificate(&format!("{}{}", server(2020, &between), between.pem()), &key);
    let told = refusal(site.open("localhost", &trusted));
    assert!(told.contains("expired"), "{told}");

    // Signed by one who was certified, but not as an authority.
    let impostor = intermediate(IsCa::ExplicitNoCa);
    site.use_certificate(&format!("{}{}", server(2200, &impostor), impostor.pem()), &key);
    refusal(site.open("localhost", &trusted));

    let mut alone = CertificateParams::new(["localhost".to_owned()]).unwrap();
    alone.distinguished_name.push(DnType::CommonName, "root");
    site.use_certificate(&alone.self_signed(&key).unwrap().pem(), &key);
    refusal(site.open("localhost", &trusted));
}
