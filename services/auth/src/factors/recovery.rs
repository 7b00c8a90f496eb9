//! Recovery codes: for who has lost their app and their passkeys. Each works once, and new ones end the old ones.

use super::{base32, store};
use crate::opaque::{HASH_LEN, sha256};
use common::ambient::Ambient;
use contracts::id::UserId;
use secrecy::{ExposeSecret, SecretString};
use sqlx::PgConnection;

/// Codes of a person.
pub const CODES: usize = 10;
/// 80 bits, which nobody guesses, so a plain hash is enough.
const CODE_LEN: usize = 10;
/// Characters between dashes.
const GROUP: usize = 4;

/// Gives the person new codes, in place of any others.
pub async fn make(conn: &mut PgConnection, ambient: &Ambient, user: UserId) -> sqlx::Result<Vec<String>> {
    let codes: Vec<_> = (0..CODES).map(|_| code(&ambient.bytes::<CODE_LEN>())).collect();
    let hashes: Vec<_> = codes.iter().map(|code| hash(code).to_vec()).collect();
    store::replace_recovery_codes(conn, user, &hashes).await?;
    Ok(codes)
}

/// As [`make`], for who has none; `None` for who has some.
pub async fn make_first(conn: &mut PgConnection, ambient: &Ambient, user: UserId) -> sqlx::Result<Option<Vec<String>>> {
    if store::recovery_codes_left(conn, user).await? > 0 {
        return Ok(None);
    }
    make(conn, ambient, user).await.map(Some)
}

/// `false` if the person has no such code (any more).
pub async fn use_up(conn: &mut PgConnection, user: UserId, code: &SecretString) -> sqlx::Result<bool> {
    store::use_recovery_code(conn, user, &hash(code.expose_secret())).await
}

fn code(random: &[u8; CODE_LEN]) -> String {
    let characters: Vec<char> = base32::encode(random).chars().collect();
    characters.chunks(GROUP).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

/// Of the code as people may write it: in any case, with or without dashes, and with digits for the letters that look
/// like them.
fn hash(code: &str) -> [u8; HASH_LEN] {
    let plain: String =
        code.chars().filter(char::is_ascii_alphanumeric).map(|c| alike(c.to_ascii_uppercase())).collect();
    sha256(&[plain.as_bytes()])
}

/// Base32 has none of these digits.
fn alike(character: char) -> char {
    match character {
        '0' => 'O',
        '1' => 'I',
        '8' => 'B',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_however_it_is_written() {
        let code = code(b"0123456789");
        assert_eq!(code, "GAYT-EMZU-GU3D-OOBZ");
        for written in ["gayt emzu gu3d oobz", "GAYTEMZUGU3DOOBZ", "gayt-emzu-gu3d-0o8z"] {
            assert_eq!(hash(written), hash(&code), "{written}");
        }
        assert_ne!(hash("GAYT-EMZU-GU3D-OOBA"), hash(&code));
    }
}
