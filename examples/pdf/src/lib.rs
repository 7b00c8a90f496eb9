//! Text and tables of PDF files: a product whose work is done by jobs, and whose files lie in a bucket.
//!
//! ```text
//! browser ─ PUT ─ bucket ─ worker ─ `pdf extract file.pdf` ─ take_result ─ rows of pages ─ meter
//!    └─ POST /v1/extractions ─ rows and orders, one commit ─ jobs ┘
//! ```
//!
//! | module | answers |
//! | --- | --- |
//! | [`files`] | which files are there, and where are they uploaded to? |
//! | [`extractions`] | what has been ordered, and what was found in a file? |
//! | [`caller`] | who calls, with a token or from a page? |
//! | [`views`] | what does a browser see? |
//! | [`command`] | what is in a PDF file? (in a process of its own, for the worker) |
//!
//! SQL is checked when it runs: the schema is in the bundle, a version of which is in each instance's database.

mod app;
mod caller;
mod command;
mod extractions;
mod files;
mod router;
mod views;

use access::Access;
use app::App;
use common::ambient::Ambient;
use include_dir::{Dir, include_dir};
use product_kit::Product;
use service_kit::Command;
use utoipa_axum::router::OpenApiRouter;

static DOCS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/openapi/docs");
static PROBLEMS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/openapi/problems");

pub struct Pdf;

impl Product for Pdf {
    const NAME: &'static str = "pdf";
    const ABOUT: &'static str = "Text and tables of PDF files, the example of a product with jobs";
    const TITLE: &'static str = "PDF";
    const PORT: u16 = 8012;
    const DOCS: &'static Dir<'static> = &DOCS;
    const PROBLEMS: &'static Dir<'static> = &PROBLEMS;
    const COMMANDS: &'static [Command] = &[command::EXTRACT];
    const OBJECTS: bool = true;
    type App = App;

    fn app(ambient: Ambient, access: Access) -> App {
        App { ambient, access }
    }
    fn routes() -> OpenApiRouter<App> {
        router::routes()
    }
}
