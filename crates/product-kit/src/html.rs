//! Pages of a product for people: templates that escape every value, and problems shown as pages.

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, header, request::Parts},
    response::{IntoResponse, Redirect, Response},
};
use common::problem::Problem;
use include_dir::Dir;
use minijinja::{Environment, Value};
use std::{fmt, marker::PhantomData};

/// The templates of a product, by the names of their files.
pub struct Templates(Environment<'static>);

impl Templates {
    /// Those that a product has compiled in. A time (RFC 3339) is shown to people by the filter `when`.
    ///
    /// # Panics
    /// One is no template; let a test ask for any of them.
    pub fn of(files: &'static Dir<'static>) -> Self {
        let mut templates = Environment::new();
        for file in files.files() {
            let (name, source) = (file.path().to_str(), file.contents_utf8());
            let (name, source) = name.zip(source).expect("compiled in, as UTF-8");
            templates.add_template(name, source).expect("compiled in, and parsed by the product's tests");
        }
        templates.add_filter("when", when);
        Self(templates)
    }

    pub fn render(&self, template: &str, values: Value) -> Result<String, Problem> {
        let rendered = self.0.get_template(template).and_then(|template| template.render(values));
        rendered.map_err(|error| Problem::internal(&error))
    }
}

/// The state of a product that has pages for people.
pub trait HasPages {
    /// Where one signs in.
    const SIGN_IN: &'static str = "/sign-in";

    /// The problem as a page that needs nothing of the instance, as nothing may be had of it.
    fn fault(problem: &Problem) -> Response;
}

pub type PageResult<App> = Result<Response, PageFault<App>>;

/// A problem that is shown as a page of `App`.
pub struct PageFault<App>(Problem, PhantomData<fn() -> App>);

impl<App> fmt::Debug for PageFault<App> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<E: Into<Problem>, App> From<E> for PageFault<App> {
    fn from(error: E) -> Self {
        Self(error.into(), PhantomData)
    }
}

impl<App: HasPages> IntoResponse for PageFault<App> {
    fn into_response(self) -> Response {
        // Whoever must be signed in for this is led to where one signs in.
        if self.0.status == StatusCode::UNAUTHORIZED {
            return Redirect::to(App::SIGN_IN).into_response();
        }
        let mut response = App::fault(&self.0);
        if let Some(seconds) = self.0.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// An extractor whose rejection is shown as a page.
pub struct OrPage<E>(pub E);

impl<App, E> FromRequestParts<App> for OrPage<E>
where
    App: HasPages + Send + Sync,
    E: FromRequestParts<App, Rejection = Problem>,
{
    type Rejection = PageFault<App>;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, PageFault<App>> {
        E::from_request_parts(parts, app).await.map(Self).map_err(PageFault::from)
    }
}

/// `2026-01-31T12:34:56.789Z` as `2026-01-31 12:34 UTC`.
fn when(rfc3339: &str) -> String {
    let minute = rfc3339.get(..16).unwrap_or(rfc3339);
    format!("{} UTC", minute.replace('T', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_for_people() {
        assert_eq!(when("2026-01-31T12:34:56.789Z"), "2026-01-31 12:34 UTC");
        assert_eq!(when("soon"), "soon UTC");
    }
}
