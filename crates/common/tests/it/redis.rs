//! A restart of Redis: an idle connection that died is noticed by the first write, which is sent again.

use crate::service::base;
use access::{RecordStore, SessionStore};
use common::{ambient::Ambient, config::Base, db::connect_redis};
use contracts::id::{Principal, SessionId, TenantId, UserId};
use redis::aio::{ConnectionManager, MultiplexedConnection};
use std::{collections::BTreeSet, time::Duration};
use test_support::{RedisServer, eventually};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

const LIFE: Duration = Duration::from_secs(60);

struct Caller {
    ambient: Ambient,
    tenant: TenantId,
    session: SessionId,
    principal: Principal,
    redis: ConnectionManager,
}

fn caller(url: &str) -> Caller {
    common::crypto::install();
    let ambient = Ambient::system();
    let base: Base = base(&[("REDIS_URL", url)]);
    let [tenant, session, user] = [(); 3].map(|()| ambient.uuid());
    Caller {
        tenant: TenantId(tenant),
        session: SessionId(session),
        principal: Principal::User(UserId(user)),
        redis: connect_redis(&base).expect("a Redis URL"),
        ambient,
    }
}

impl Caller {
    fn sessions(&self, replicas: u32) -> SessionStore {
        SessionStore::new(self.redis.clone(), "", replicas)
    }

    fn records(&self, replicas: u32) -> RecordStore {
        RecordStore::new(self.redis.clone(), "", replicas, self.ambient.clone())
    }
}

async fn admin(server: &RedisServer) -> MultiplexedConnection {
    redis::Client::open(server.url()).unwrap().get_multiplexed_async_connection().await.unwrap()
}

#[tokio::test]
async fn the_first_write_after_a_restart_is_taken() {
    let mut server = RedisServer::start(&[]).await;
    let caller = caller(&server.url());
    let (sessions, records) = (caller.sessions(0), caller.records(0));
    let (tenant, principal) = (caller.tenant, &caller.principal);
    sessions.open(tenant, caller.session, LIFE).await.expect("before any restart");
    server.restart().await;
    sessions.open(tenant, caller.session, LIFE).await.expect("a session begins");
    server.restart().await;
    sessions.close(tenant, caller.session).await.expect("a session ends");
    server.restart().await;
    records.restamp_principal(tenant, principal).await.expect("a revocation");
    server.restart().await;
    records.restamp_tenant(tenant).await.expect("a tenant's revocation");
    server.restart().await;
    let stamps = records.stamps(tenant, principal).await.expect("stamps");
    server.restart().await;
    records.write(tenant, principal, stamps, &BTreeSet::new(), LIFE).await.expect("a record");
}

#[tokio::test]
async fn a_write_that_is_sent_again_is_still_confirmed_by_the_replica() {
    let primary = RedisServer::start(&["--repl-diskless-sync-delay", "0"]).await;
    let replica = RedisServer::start(&["--replicaof", &format!("127.0.0.1 {}", primary.port)]).await;
    let caller = caller(&primary.url());
    let (sessions, records) = (caller.sessions(1), caller.records(1));
    eventually("the replica follows", async || sessions.close(caller.tenant, caller.session).await.ok()).await;
    let mut admin = admin(&primary).await;
    for _ in 0..2 {
        let killed: u32 = redis::cmd("CLIENT").arg(&["KILL", "TYPE", "normal"]).query_async(&mut admin).await.unwrap();
        assert!(killed > 0);
        records.restamp_principal(caller.tenant, &caller.principal).await.expect("confirmed on the new connection");
    }
    drop(replica);
    let unconfirmed = records.restamp_principal(caller.tenant, &caller.principal).await;
    assert!(unconfirmed.is_err(), "nobody confirmed it");
}

/// A first stamp that arrived although its answer was lost must not come back over a later revocation's.
#[tokio::test]
async fn a_stamp_is_never_sent_twice() {
    let server = RedisServer::start(&[]).await;
    let mut monitor = BufReader::new(TcpStream::connect(("127.0.0.1", server.port)).await.unwrap()).lines();
    monitor.get_mut().write_all(b"MONITOR\r\n").await.unwrap();
    assert_eq!(monitor.next_line().await.unwrap().as_deref(), Some("+OK"));
    let caller = caller(&format!("redis://127.0.0.1:{}", loses_one_answer(server.port).await));
    caller.records(0).restamp_principal(caller.tenant, &caller.principal).await.expect("the second time");
    let mut stamps = Vec::new();
    while stamps.len() < 2 {
        let line = monitor.next_line().await.unwrap().unwrap();
        if line.contains("\"SET\"") {
            stamps.push(line.split('"').nth(5).unwrap().to_owned());
        }
    }
    assert_ne!(stamps[0], stamps[1]);
}

/// A port that leads to Redis, whose first connection ends when a stamp was set, without the answer.
async fn loses_one_answer(server: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        lose_an_answer(listener.accept().await.unwrap().0, server).await;
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut upstream = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
            tokio::spawn(async move { copy_bidirectional(&mut client, &mut upstream).await });
        }
    });
    port
}

async fn lose_an_answer(mut client: TcpStream, server: u16) {
    let mut upstream = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
    let (mut asked, mut answered) = ([0; 4096], [0; 4096]);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let asked = &asked[..read.unwrap()];
                upstream.write_all(asked).await.unwrap();
                if String::from_utf8_lossy(asked).contains(":us:") {
                    assert_ne!(upstream.read(&mut answered).await.unwrap(), 0, "Redis has answered");
                    return;
                }
            }
            read = upstream.read(&mut answered) => client.write_all(&answered[..read.unwrap()]).await.unwrap(),
        }
    }
}
