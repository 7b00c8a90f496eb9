//! The messages that the mailer takes: orders to send, and what SES tells of the mails it took.

mod feedback;
mod send_mail;

use crate::app::App;
use contracts::messages::SendMail;
use service_kit::Handlers;

pub fn orders() -> Handlers<App> {
    Handlers::of("mailer").on::<SendMail>()
}

pub fn feedback() -> Handlers<App> {
    Handlers::of("mailer-feedback").raw()
}
