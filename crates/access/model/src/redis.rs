//! Redis in the model: what it holds, and what its replica knows of it. Writes reach the replica in order, some time.

/// A stamp; real ones are random, here each new one is another number.
pub type Stamp = u8;

/// What a filler leaves: the answer of the database and the stamp it was read under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    pub stamp: Stamp,
    pub allowed: bool,
}

/// The keys of one server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Redis {
    pub record: Option<Record>,
    pub stamp: Option<Stamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Write {
    Record(Option<Record>),
    Stamp(Option<Stamp>),
}

impl Redis {
    fn apply(&mut self, write: Write) {
        match write {
            Write::Record(record) => self.record = record,
            Write::Stamp(stamp) => self.stamp = stamp,
        }
    }
}

/// A primary, its replica, and the writes on their way between them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Server {
    primary: Redis,
    replica: Redis,
    on_the_way: Vec<Write>,
    last_stamp: Stamp,
}

impl Server {
    /// What a check sees in one `MGET`: the record counts only under the present stamp.
    pub fn allows(&self) -> bool {
        self.primary.record.is_some_and(|record| record.allowed && self.primary.stamp == Some(record.stamp))
    }

    pub fn holds_stale_record(&self) -> bool {
        self.primary.record.is_some_and(|record| record.allowed)
    }

    pub fn lags(&self) -> bool {
        !self.on_the_way.is_empty()
    }

    /// What `WAIT` tells of the write of this stamp.
    pub fn replicated(&self, stamp: Stamp) -> bool {
        !self.on_the_way.contains(&Write::Stamp(Some(stamp)))
    }

    /// `SET NX`, then `GET`.
    pub fn stamp_or_new(&mut self) -> Stamp {
        self.primary.stamp.unwrap_or_else(|| self.new_stamp())
    }

    pub fn new_stamp(&mut self) -> Stamp {
        self.last_stamp += 1;
        self.write(Write::Stamp(Some(self.last_stamp)));
        self.last_stamp
    }

    pub fn write_record(&mut self, record: Record) {
        self.write(Write::Record(Some(record)));
    }

    pub fn delete_record(&mut self) {
        self.write(Write::Record(None));
    }

    pub fn delete_stamp(&mut self) {
        self.write(Write::Stamp(None));
    }

    pub fn replicate(&mut self) {
        let write = self.on_the_way.remove(0);
        self.replica.apply(write);
    }

    /// The replica becomes the primary; what was on the way to it is lost.
    pub fn fail_over(&mut self) {
        self.primary = self.replica;
        self.on_the_way.clear();
    }

    pub fn restart_empty(&mut self) {
        self.primary = Redis::default();
        self.replica = Redis::default();
        self.on_the_way.clear();
    }

    fn write(&mut self, write: Write) {
        self.primary.apply(write);
        self.on_the_way.push(write);
    }
}
