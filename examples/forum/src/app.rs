//! What the forum holds while it runs. Nothing of any instance: that comes with each request.

use crate::members::password::Passwords;
use access::Access;
use axum::extract::FromRef;
use common::ambient::Ambient;

#[derive(Clone)]
pub struct App {
    pub ambient: Ambient,
    pub passwords: Passwords,
    access: Access,
}

impl App {
    pub fn new(ambient: Ambient, access: Access) -> Self {
        Self { passwords: Passwords::new(ambient.clone()), ambient, access }
    }
}

impl FromRef<App> for Access {
    fn from_ref(app: &App) -> Self {
        app.access.clone()
    }
}
