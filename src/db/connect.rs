//! stub until the real one lands
use std::sync::Arc;
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("{0}")]
    P(#[from] postgres::Error),
}
impl ConnectError {
    pub fn hint(&self) -> Option<String> {
        None
    }
}
pub type Env<'a> = &'a dyn Fn(&str) -> Option<String>;
#[derive(Clone)]
pub struct Notices(Arc<dyn Fn(&postgres::error::DbError) + Send + Sync>);
impl Notices {
    pub fn new(f: impl Fn(&postgres::error::DbError) + Send + Sync + 'static) -> Self {
        Self(Arc::new(f))
    }
}
#[derive(Clone)]
pub struct Target {
    config: postgres::Config,
    notices: Option<Notices>,
}
impl Target {
    pub fn resolve(url: Option<&str>, env: Env) -> Result<Self, ConnectError> {
        let u = url
            .map(str::to_owned)
            .or_else(|| env("DATABASE_URL"))
            .unwrap_or_default();
        Ok(Self {
            config: u.parse()?,
            notices: None,
        })
    }
    pub fn with_notices(mut self, n: Notices) -> Self {
        self.notices = Some(n);
        self
    }
    pub fn open(&self) -> Result<postgres::Client, ConnectError> {
        let mut c = self.config.clone();
        c.application_name("pgcleave");
        if let Some(n) = &self.notices {
            let n = n.clone();
            c.notice_callback(move |e| (n.0)(&e));
        }
        let mut client = c.connect(postgres::NoTls)?;
        client.batch_execute(
            "SET search_path = pg_catalog, pg_temp; SET lock_timeout='2s'; SET timezone='UTC'",
        )?;
        Ok(client)
    }
    pub fn cancel(&self, t: &postgres::CancelToken) -> Result<(), ConnectError> {
        Ok(t.cancel_query(postgres::NoTls)?)
    }
}
