//! Stub resolver for TXT records (RFC 1035 §7, RFC 5452 §9): asks recursive name servers or, on a developer's machine,
//! a file.

use common::ambient::Ambient;
use simple_dns::{CLASS, Name, Packet, PacketFlag, Question, RCODE, TYPE, rdata::RData};
use std::{
    io::{self, ErrorKind},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    time::{error::Elapsed, timeout},
};

const RESOLV_CONF: &str = "/etc/resolv.conf";
const PORT: u16 = 53;
/// As many as the C library asks (`resolv.conf(5)`).
const MOST_SERVERS: usize = 3;
/// One server answers in this time, or the next one is asked; a question ends after a round of all.
const PATIENCE: Duration = Duration::from_secs(2);
/// A larger answer comes by TCP, as we promise no more (RFC 1035 §2.3.4).
const LARGEST_DATAGRAM: usize = 512;
/// More than any local file of records needs.
const LARGEST_FILE: u64 = 1024 * 1024;

/// Who is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The name servers of `/etc/resolv.conf`.
    System,
    Servers(Vec<SocketAddr>),
    /// Lines of `<name> <text>`, read anew for each question.
    File(PathBuf),
}

/// Looks up TXT records and remembers nothing; cheap to clone.
#[derive(Clone)]
pub struct Resolver {
    place: Place,
    ambient: Ambient,
}

#[derive(Clone)]
enum Place {
    Servers(Arc<[SocketAddr]>),
    File(PathBuf),
}

/// It is not known what DNS says.
#[derive(Debug, thiserror::Error)]
pub enum Unresolved {
    #[error("the network, or the file of records, failed")]
    Io(#[from] io::Error),
    #[error("the name server did not answer within {} s", PATIENCE.as_secs())]
    Silent(#[from] Elapsed),
    #[error("the name server's answer is none to our question")]
    Stray,
    #[error("the name server answers {0:?}")]
    Refused(RCODE),
    #[error("the message cannot be read or written")]
    Malformed(#[from] simple_dns::SimpleDnsError),
    #[error("there is no name server")]
    Nobody,
}

impl Resolver {
    /// An error if the system's settings cannot be read.
    pub fn open(source: &Source, ambient: Ambient) -> io::Result<Self> {
        let place = match source {
            Source::File(path) => Place::File(path.clone()),
            Source::Servers(servers) => Place::Servers(servers.as_slice().into()),
            Source::System => Place::Servers(name_servers(&std::fs::read_to_string(RESOLV_CONF)?).into()),
        };
        Ok(Self { place, ambient })
    }

    /// The texts of the TXT records of `name`; none if there is no such name.
    pub async fn txt(&self, name: &str) -> Result<Vec<String>, Unresolved> {
        let servers = match &self.place {
            Place::File(path) => return Ok(records(&read(path).await?, name)),
            Place::Servers(servers) => servers,
        };
        let mut last = Unresolved::Nobody;
        for server in servers.iter() {
            match timeout(PATIENCE, self.ask(*server, name)).await {
                Ok(Ok(texts)) => return Ok(texts),
                Ok(Err(error)) => last = error,
                Err(late) => last = late.into(),
            }
        }
        Err(last)
    }

    async fn ask(&self, server: SocketAddr, name: &str) -> Result<Vec<String>, Unresolved> {
        // Whoever would forge an answer must guess this number and the port, which is new for each question.
        let id = u16::from_be_bytes(self.ambient.bytes());
        let mut query = Packet::new_query(id);
        query.set_flags(PacketFlag::RECURSION_DESIRED);
        query.questions.push(Question::new(Name::new(name)?, TYPE::TXT.into(), CLASS::IN.into(), false));
        let query = query.build_bytes_vec()?;
        let datagram = by_udp(server, &query).await?;
        if !simple_dns::header_buffer::has_flags(&datagram, PacketFlag::TRUNCATION)? {
            return texts(&datagram, id, name);
        }
        texts(&by_tcp(server, &query).await?, id, name)
    }
}

/// A connected socket takes datagrams of that server alone.
async fn by_udp(server: SocketAddr, query: &[u8]) -> io::Result<Vec<u8>> {
    let any: IpAddr =
        if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { std::net::Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(server).await?;
    socket.send(query).await?;
    let mut answer = vec![0; LARGEST_DATAGRAM];
    let length = socket.recv(&mut answer).await?;
    answer.truncate(length);
    Ok(answer)
}

/// Messages have their length in front (RFC 1035 §4.2.2), which bounds them, too.
async fn by_tcp(server: SocketAddr, query: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(query.len()).map_err(|_| ErrorKind::InvalidInput)?;
    stream.write_all(&[&length.to_be_bytes(), query].concat()).await?;
    let mut answer = vec![0; stream.read_u16().await?.into()];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}

/// A recursive server follows aliases, so the texts may be of another name than was asked for.
fn texts(answer: &[u8], id: u16, name: &str) -> Result<Vec<String>, Unresolved> {
    let answer = Packet::parse(answer)?;
    let is_ours = |question: &Question| {
        question.qtype == TYPE::TXT.into() && question.qname.to_string().eq_ignore_ascii_case(name)
    };
    if answer.id() != id
        || !answer.has_flags(PacketFlag::RESPONSE)
        || !answer.questions.iter().all(is_ours)
        || answer.questions.len() != 1
    {
        return Err(Unresolved::Stray);
    }
    match answer.rcode() {
        RCODE::NoError => {}
        RCODE::NameError => return Ok(Vec::new()),
        code => return Err(Unresolved::Refused(code)),
    }
    let texts = answer.answers.into_iter().filter_map(|record| match record.rdata {
        // A long text comes in pieces (RFC 7208 §3.3); one that is no UTF-8 is nothing of ours.
        RData::TXT(text) => String::try_from(text).ok(),
        _ => None,
    });
    Ok(texts.collect())
}

/// Without any, the machine's own is meant (`resolv.conf(5)`).
fn name_servers(resolv_conf: &str) -> Vec<SocketAddr> {
    let lines =
        resolv_conf.lines().filter_map(|line| line.trim().strip_prefix("nameserver")?.trim().parse::<IpAddr>().ok());
    let servers: Vec<_> = lines.take(MOST_SERVERS).map(|address| SocketAddr::new(address, PORT)).collect();
    if servers.is_empty() { vec![SocketAddr::new(Ipv4Addr::LOCALHOST.into(), PORT)] } else { servers }
}

/// A file that is not there has no records.
async fn read(path: &PathBuf) -> io::Result<String> {
    let file = match tokio::fs::File::open(path).await {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(String::new()),
        Err(error) => return Err(error),
    };
    let mut text = String::new();
    file.take(LARGEST_FILE).read_to_string(&mut text).await?;
    Ok(text)
}

fn records(file: &str, name: &str) -> Vec<String> {
    let lines = file.lines().filter_map(|line| line.trim().split_once(char::is_whitespace));
    lines
        .filter(|(of, _)| of.trim_end_matches('.').eq_ignore_ascii_case(name))
        .map(|(_, text)| text.trim().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use simple_dns::{ResourceRecord, rdata::TXT};

    const NAME: &str = "_x.acme.test";

    fn answer(id: u16, name: &'static str, code: RCODE, flags: PacketFlag) -> Vec<u8> {
        let mut answer = Packet::new_reply(id);
        answer.set_flags(flags);
        *answer.rcode_mut() = code;
        answer.questions.push(Question::new(Name::new(name).unwrap(), TYPE::TXT.into(), CLASS::IN.into(), false));
        let text = TXT::new().with_string("in two ").unwrap().with_string("pieces").unwrap();
        answer.answers.push(ResourceRecord::new(Name::new("elsewhere.test").unwrap(), CLASS::IN, 0, RData::TXT(text)));
        answer.build_bytes_vec().unwrap()
    }

    #[test]
    fn only_an_answer_to_our_question_is_believed() {
        let empty = PacketFlag::empty();
        let read = |bytes: &[u8]| texts(bytes, 7, NAME);
        assert_eq!(read(&answer(7, "_X.acme.TEST", RCODE::NoError, empty)).unwrap(), ["in two pieces"]);
        assert_eq!(read(&answer(7, NAME, RCODE::NameError, empty)).unwrap(), Vec::<String>::new());
        assert!(matches!(
            read(&answer(7, NAME, RCODE::ServerFailure, empty)),
            Err(Unresolved::Refused(RCODE::ServerFailure))
        ));
        assert!(matches!(read(&answer(8, NAME, RCODE::NoError, empty)), Err(Unresolved::Stray)));
        assert!(matches!(read(&answer(7, "_x.evil.test", RCODE::NoError, empty)), Err(Unresolved::Stray)));
        let whole = answer(7, NAME, RCODE::NoError, empty);
        for length in 0..whole.len() {
            assert!(read(&whole[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn a_file_has_a_record_a_line() {
        let file = "_x.acme.test one\n\n_X.ACME.test.\t two words \n_x.other.test three\nnothing\n";
        assert_eq!(records(file, NAME), ["one", "two words"]);
        assert_eq!(records(file, "acme.test"), Vec::<String>::new());
    }

    #[test]
    fn the_systems_name_servers_are_found() {
        let text = "# nameserver 192.0.2.9\nsearch acme.test\nnameserver 192.0.2.1\n \
                    nameserver\t2001:db8::1\nnameserver nobody\nnameserver 192.0.2.2\nnameserver 192.0.2.3\n";
        assert_eq!(
            name_servers(text),
            ["192.0.2.1:53", "[2001:db8::1]:53", "192.0.2.2:53"].map(|server| server.parse().unwrap())
        );
        assert_eq!(name_servers(""), ["127.0.0.1:53".parse().unwrap()]);
    }
}
