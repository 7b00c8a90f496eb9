//! Bundles on disk, written by the test that needs them.

use std::{fs, path::PathBuf};

pub const MANIFEST: &str = r#"
service = "forum"
version = "1.0.0"
title = "Forum"
currency = "EUR"
price_per_hour = "0.02"
[[modules]]
name = "polls"
title = "Polls"
price_per_hour = "0.01"
depends_on = ["tags"]
[[modules]]
name = "tags"
title = "Tags"
price_per_hour = "0.01"
[[meters]]
name = "posts"
unit = "post"
table = "posts"
price_per_unit = "0.001"
[[meters]]
name = "votes"
unit = "vote"
table = "votes"
price_per_unit = "0.001"
[setup]
type = "object"
"#;

/// A folder of bundles that is removed when dropped.
pub struct Bundles(pub PathBuf);

impl Bundles {
    /// The forum 1.0.0 with a table and a seed in its base and in each of its two modules.
    pub fn forum(name: &str) -> Self {
        let bundles = Self(std::env::temp_dir().join(name));
        bundles.write("manifest.toml", MANIFEST);
        bundles.write(
            "migrations/0001_posts.sql",
            "CREATE TABLE posts (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, title text NOT NULL);",
        );
        bundles.write("migrations/0002_board.sql", "CREATE TABLE board (title text NOT NULL);\nSET search_path = '';");
        bundles.write("migrations/README.md", "This is no SQL.");
        bundles.write("modules/tags/migrations/0001_tags.sql", "CREATE TABLE tags (id bigint PRIMARY KEY);");
        bundles.write(
            "modules/polls/migrations/0001_votes.sql",
            "CREATE TABLE votes (id bigint PRIMARY KEY, tag bigint REFERENCES tags);",
        );
        bundles.write(
            "seeds/0001_board.sql",
            "INSERT INTO board VALUES (current_setting('seed.settings')::jsonb ->> 'title');",
        );
        bundles.write("modules/tags/seeds/0001_tags.sql", "INSERT INTO tags VALUES (1);\nINSERT INTO tags VALUES (2);");
        bundles
    }

    /// Copies the forum 1.0.0 as another version, manifest last.
    pub fn release(&self, version: &str) {
        for path in [
            "migrations/0001_posts.sql",
            "migrations/0002_board.sql",
            "modules/tags/migrations/0001_tags.sql",
            "modules/polls/migrations/0001_votes.sql",
        ] {
            let text = fs::read_to_string(self.0.join("forum/1.0.0").join(path)).unwrap();
            self.write_to(version, path, &text);
        }
        self.write_to(
            version,
            "manifest.toml",
            &MANIFEST.replace("version = \"1.0.0\"", &format!("version = \"{version}\"")),
        );
    }

    /// Writes a file of the forum 1.0.0.
    pub fn write(&self, path: &str, text: &str) {
        self.write_to("1.0.0", path, text);
    }

    fn write_to(&self, version: &str, path: &str, text: &str) {
        let path = self.0.join("forum").join(version).join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

impl Drop for Bundles {
    fn drop(&mut self) {
        let removed = fs::remove_dir_all(&self.0);
        assert!(removed.is_ok() || std::thread::panicking(), "the bundles could not be removed");
    }
}
