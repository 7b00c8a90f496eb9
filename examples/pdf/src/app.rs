//! What the product holds while it runs. Nothing of any instance: that comes with each request.

use access::Access;
use axum::extract::FromRef;
use common::ambient::Ambient;

#[derive(Clone)]
pub struct App {
    pub ambient: Ambient,
    pub access: Access,
}

impl FromRef<App> for Access {
    fn from_ref(app: &App) -> Self {
        app.access.clone()
    }
}
