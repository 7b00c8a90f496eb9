//! Which messages does the mailer take? Orders to send, and what SES tells of the mails it took.

mod feedback;
mod send_mail;
