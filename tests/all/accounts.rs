//! Accounts, tokens, namespaces, members, keys and profiles: what is allowed, what is refused, what is recorded.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like tests")]

use pluginry::config::KeySettings;
use pluginry::db::{Database, audit, log};
use pluginry::domain::api::{
    EnrollKeyRequest, LoginRequest, MemberRole, NewNamespaceRequest, NewTokenRequest, RegisterRequest,
    RevokeKeyRequest, TokenScope,
};
use pluginry::domain::{Namespace, Refusal, Timestamp};
use pluginry::registry::accounts::{
    Caller, Passwords, authenticate_token, create_namespace, create_token, enroll_key, ensure_operator,
    list_keys, list_tokens, log_in, register_account, register_profile, registered_profiles, require_member,
    revoke_key, revoke_token, set_member,
};
use pluginry::signing::SecretKey;

use crate::harness::database::TestDatabase;

const NOW: Timestamp = Timestamp::from_micros(1_750_000_000_000_000);
const PASSWORD: &str = "correct horse battery";

/// A registry's accounts, without a server around them.
struct House {
    database: Database,
    passwords: Passwords,
    _test: TestDatabase,
}

impl House {
    async fn new() -> Self {
        let test = TestDatabase::new().await;
        Self { database: test.connect().await, passwords: Passwords::new(2), _test: test }
    }

    async fn register(&self, name: &str) {
        let request = registration(name);
        register_account(&self.database, &self.passwords, &request, [1; 16], NOW).await.unwrap();
    }

    /// Registers and signs in.
    async fn caller(&self, name: &str) -> Caller {
        self.register(name).await;
        let request = LoginRequest { name: name.into(), password: PASSWORD.into() };
        let random = *pluginry::domain::Digest::of(name.as_bytes()).as_bytes();
        let login = log_in(&self.database, &self.passwords, &request, random, NOW).await.unwrap();
        authenticate_token(&self.database, &login.token, NOW).await.unwrap()
    }

    async fn namespace(&self, owner: &Caller, name: &str) -> Namespace {
        let request = NewNamespaceRequest { name: name.parse().unwrap() };
        create_namespace(&self.database, owner, &request, NOW).await.unwrap().namespace
    }

    async fn audit_actions(&self) -> Vec<String> {
        let events = audit::list(&mut self.database.read().await.unwrap(), i64::MAX, 100).await.unwrap();
        events.into_iter().rev().map(|event| event.action).collect()
    }

    async fn outbox(&self) -> Vec<(String, String)> {
        let entries = log::oldest_in_outbox(&mut self.database.read().await.unwrap(), 100).await.unwrap();
        entries.into_iter().map(|entry| (entry.kind, entry.subject)).collect()
    }
}

fn registration(name: &str) -> RegisterRequest {
    RegisterRequest { name: name.into(), email: format!("{name}@example.org"), password: PASSWORD.into() }
}

fn token_request(scopes: &[TokenScope], namespaces: Option<&[&str]>) -> NewTokenRequest {
    NewTokenRequest {
        label: "ci".into(),
        scopes: scopes.to_vec(),
        namespaces: namespaces.map(|names| names.iter().map(|name| name.parse().unwrap()).collect()),
        expires_in_days: Some(7),
    }
}

/// What a refusal says, for snapshots.
fn words(refusal: &dyn Refusal) -> String {
    format!("{}: {refusal}\n    {}\n", refusal.code(), refusal.mend().unwrap_or_default())
}

#[tokio::test]
async fn a_registered_account_signs_in_and_its_token_says_who_asks() {
    let house = House::new().await;

    let ada = house.caller("ada").await;

    assert_eq!((ada.account.as_str(), ada.is_operator), ("ada", false));
    assert_eq!((ada.scopes.as_slice(), &ada.namespaces), ([TokenScope::Admin].as_slice(), &None));
    assert_eq!(house.audit_actions().await, ["register-account", "log-in"]);
}

#[tokio::test]
async fn registrations_that_cannot_be_are_refused_in_words() {
    let house = House::new().await;
    house.register("ada").await;
    let cases = [
        registration("Ada"),
        registration("ada"),
        RegisterRequest { email: " ADA@example.org".into(), ..registration("bob") },
        RegisterRequest { email: "nowhere".into(), ..registration("bob") },
        RegisterRequest { password: "short".into(), ..registration("bob") },
        RegisterRequest { password: "x".repeat(2000), ..registration("bob") },
    ];

    let mut said = String::new();
    for request in &cases {
        let refused = register_account(&house.database, &house.passwords, request, [1; 16], NOW).await;
        said.push_str(&words(&refused.unwrap_err()));
    }

    insta::assert_snapshot!(said);
}

#[tokio::test]
async fn an_unknown_account_and_a_wrong_password_are_answered_alike() {
    let house = House::new().await;
    house.register("ada").await;

    let mut said = Vec::new();
    for name in ["ada", "nobody"] {
        let request = LoginRequest { name: name.into(), password: "something else".into() };
        let refused = log_in(&house.database, &house.passwords, &request, [2; 32], NOW).await;
        said.push(words(&refused.err().unwrap()));
    }

    assert_eq!(said[0], said[1]);
    insta::assert_snapshot!(said[0]);
}

#[tokio::test]
async fn tokens_work_until_they_expire_or_are_revoked() {
    let house = House::new().await;
    let ada = house.caller("ada").await;
    let made =
        create_token(&house.database, &ada, &token_request(&[TokenScope::Publish], None), [9; 32], NOW)
            .await
            .unwrap();
    let at = |seconds| authenticate_token(&house.database, &made.token, NOW.plus_seconds(seconds));

    let day = 86_400;
    assert_eq!(at(7 * day - 1).await.unwrap().scopes, [TokenScope::Publish]);
    let expired = at(7 * day).await.unwrap_err();
    let listed = list_tokens(&house.database, &ada).await.unwrap().tokens;
    revoke_token(&house.database, &ada, made.description.id, NOW).await.unwrap();
    let revoked = at(0).await.unwrap_err();
    let again = revoke_token(&house.database, &ada, made.description.id, NOW).await.unwrap_err();
    let foreign = authenticate_token(&house.database, "plg_AAAA", NOW).await.unwrap_err();

    assert_eq!(listed.iter().map(|token| token.label.as_str()).collect::<Vec<_>>(), ["ci", "sign-in"]);
    assert_eq!(listed[0].last_used_at, Some(NOW.plus_seconds(7 * day - 1)));
    insta::assert_snapshot!([words(&expired), words(&revoked), words(&again), words(&foreign)].concat());
}

#[tokio::test]
async fn a_token_reaches_no_further_than_its_scopes_and_namespaces() {
    let house = House::new().await;
    let ada = house.caller("ada").await;
    let (acme, other) = (house.namespace(&ada, "acme").await, house.namespace(&ada, "other").await);
    let request = token_request(&[TokenScope::Publish], Some(&["acme"]));
    let made = create_token(&house.database, &ada, &request, [9; 32], NOW).await.unwrap();
    let robot = authenticate_token(&house.database, &made.token, NOW).await.unwrap();
    let mut connection = house.database.read().await.unwrap();

    assert!(require_member(&mut connection, &robot, &acme, TokenScope::Publish).await.is_ok());
    let mut said = String::new();
    for (namespace, scope) in [(&acme, TokenScope::Yank), (&other, TokenScope::Publish)] {
        let refused = require_member(&mut connection, &robot, namespace, scope).await;
        said.push_str(&words(&refused.unwrap_err()));
    }
    let request = token_request(&[TokenScope::Admin], None);
    said.push_str(&words(
        &create_token(&house.database, &robot, &request, [8; 32], NOW).await.err().unwrap(),
    ));
    said.push_str(&words(&list_tokens(&house.database, &robot).await.unwrap_err()));

    insta::assert_snapshot!(said);
}

#[tokio::test]
async fn tokens_good_for_nothing_are_refused() {
    let house = House::new().await;
    let ada = house.caller("ada").await;
    let good = token_request(&[TokenScope::Publish], None);
    let cases = [
        NewTokenRequest { label: " ".into(), ..good.clone() },
        NewTokenRequest { scopes: vec![], ..good.clone() },
        NewTokenRequest { namespaces: Some(vec![]), ..good.clone() },
        NewTokenRequest { expires_in_days: Some(0), ..good.clone() },
        NewTokenRequest { expires_in_days: Some(u32::MAX), ..good },
    ];

    let mut said = String::new();
    for request in &cases {
        let refused = create_token(&house.database, &ada, request, [9; 32], NOW).await;
        said.push_str(&words(&refused.err().unwrap()));
    }

    insta::assert_snapshot!(said);
}

#[tokio::test]
async fn a_namespace_belongs_to_who_made_it_first_and_reserved_ones_to_operators() {
    let house = House::new().await;
    let (ada, bob) = (house.caller("ada").await, house.caller("bob").await);
    house.namespace(&ada, "acme").await;
    let first = ensure_operator(&house.database, "operator", [5; 32], NOW).await.unwrap().unwrap();
    let operator = authenticate_token(&house.database, &first.token, NOW).await.unwrap();

    let mut said = String::new();
    for name in ["acme", "wasi"] {
        let request = NewNamespaceRequest { name: name.parse().unwrap() };
        said.push_str(&words(&create_namespace(&house.database, &bob, &request, NOW).await.unwrap_err()));
    }
    house.namespace(&operator, "wasi").await;

    insta::assert_snapshot!(said);
    let subjects = [("owner-change", "acme"), ("owner-change", "wasi")];
    assert_eq!(house.outbox().await, subjects.map(|(kind, subject)| (kind.into(), subject.into())));
}

#[tokio::test]
async fn owners_change_members_and_the_last_owner_stays() {
    let house = House::new().await;
    let (ada, bob) = (house.caller("ada").await, house.caller("bob").await);
    let acme = house.namespace(&ada, "acme").await;
    let set = |caller: Caller, account: &'static str, role| {
        let (database, acme) = (house.database.clone(), acme.clone());
        async move { set_member(&database, &caller, &acme, account, role, NOW).await }
    };

    let mut said = String::new();
    said.push_str(&words(&set(bob.clone(), "bob", Some(MemberRole::Owner)).await.unwrap_err()));
    said.push_str(&words(&set(ada.clone(), "nobody", Some(MemberRole::Member)).await.unwrap_err()));
    said.push_str(&words(&set(ada.clone(), "ada", Some(MemberRole::Member)).await.unwrap_err()));
    said.push_str(&words(&set(ada.clone(), "ada", None).await.unwrap_err()));
    set(ada.clone(), "bob", Some(MemberRole::Member)).await.unwrap();
    said.push_str(&words(&set(bob.clone(), "ada", None).await.unwrap_err()));
    set(ada.clone(), "bob", Some(MemberRole::Owner)).await.unwrap();
    set(bob.clone(), "ada", None).await.unwrap();
    said.push_str(&words(&set(ada, "ada", Some(MemberRole::Owner)).await.unwrap_err()));

    insta::assert_snapshot!(said);
    assert_eq!(house.outbox().await.len(), 3, "made, bob became an owner, ada went");
}

#[tokio::test]
async fn two_owners_who_leave_at_once_do_not_leave_it_ownerless() {
    let house = House::new().await;
    let (ada, bob) = (house.caller("ada").await, house.caller("bob").await);
    let acme = house.namespace(&ada, "acme").await;
    set_member(&house.database, &ada, &acme, "bob", Some(MemberRole::Owner), NOW).await.unwrap();

    let (first, second) = tokio::join!(
        set_member(&house.database, &ada, &acme, "ada", None, NOW),
        set_member(&house.database, &bob, &acme, "bob", None, NOW),
    );

    assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
}

#[tokio::test]
async fn members_enrol_and_revoke_keys_and_a_revoked_key_never_comes_back() {
    let house = House::new().await;
    let (ada, bob) = (house.caller("ada").await, house.caller("bob").await);
    let acme = house.namespace(&ada, "acme").await;
    let key = SecretKey::from_seed(&[7; 32]).public_key();
    let request = EnrollKeyRequest { public_key: key.to_string(), label: "laptop".into(), endorsement: None };
    let settings = KeySettings::default();
    let enroll = async |caller: &Caller, namespace: &Namespace, now| {
        enroll_key(&house.database, &settings, caller, namespace, &request, now).await
    };
    let revoke = async |now| {
        revoke_key(&house.database, &ada, &acme, &key.id(), &RevokeKeyRequest::default(), now).await
    };

    let mut said = String::new();
    said.push_str(&words(&enroll(&bob, &acme, NOW).await.unwrap_err()));
    let enrolled = enroll(&ada, &acme, NOW).await.unwrap();
    let again = enroll(&ada, &acme, NOW.plus_seconds(5)).await.unwrap();
    revoke(NOW.plus_seconds(9)).await.unwrap();
    said.push_str(&words(&enroll(&ada, &acme, NOW).await.unwrap_err()));
    let revoked_again = revoke(NOW.plus_seconds(20)).await.unwrap();
    let listed = list_keys(&house.database, &acme, NOW).await.unwrap().keys;
    let unknown: Namespace = "nowhere".parse().unwrap();
    said.push_str(&words(&list_keys(&house.database, &unknown, NOW).await.unwrap_err()));
    said.push_str(&words(&enroll(&ada, &unknown, NOW).await.unwrap_err()));

    assert_eq!(enrolled, again);
    assert_eq!((listed.len(), listed[0].revoked_at), (1, Some(NOW.plus_seconds(9))));
    assert_eq!(revoked_again, listed[0], "revoking twice is revoking once");
    let kinds: Vec<_> = house.outbox().await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["owner-change", "key-enroll", "key-revoke"]);
    insta::assert_snapshot!(said);
}

#[tokio::test]
async fn the_first_start_makes_an_operator_and_later_starts_do_not() {
    let house = House::new().await;

    let first = ensure_operator(&house.database, "operator", [5; 32], NOW).await.unwrap().unwrap();
    let second = ensure_operator(&house.database, "operator", [6; 32], NOW).await.unwrap();

    assert!(second.is_none());
    assert!(authenticate_token(&house.database, &first.token, NOW).await.unwrap().is_operator);
    let request = LoginRequest { name: "operator".into(), password: "!".into() };
    assert!(log_in(&house.database, &house.passwords, &request, [2; 32], NOW).await.is_err());
}

#[tokio::test]
async fn an_operator_registers_profiles_that_never_change() {
    let house = House::new().await;
    let ada = house.caller("ada").await;
    let first = ensure_operator(&house.database, "operator", [5; 32], NOW).await.unwrap().unwrap();
    let operator = authenticate_token(&house.database, &first.token, NOW).await.unwrap();
    let document = "name = \"trinity:host\"\nversion = \"1.0.0\"\nabi = \"core\"\n";
    let changed = "name = \"trinity:host\"\nversion = \"1.0.0\"\nabi = \"component\"\n";
    let register = |caller: Caller, document: &'static str| {
        let database = house.database.clone();
        async move { register_profile(&database, &[], &caller, document, NOW).await }
    };

    let profile = register(operator.clone(), document).await.unwrap();
    register(operator.clone(), document).await.unwrap();
    let mut said = words(&register(operator.clone(), changed).await.unwrap_err());
    said.push_str(&words(&register(ada, document).await.unwrap_err()));
    let refused =
        register_profile(&house.database, std::slice::from_ref(&profile), &operator, document, NOW).await;
    said.push_str(&words(&refused.unwrap_err()));

    assert_eq!(registered_profiles(&house.database).await.unwrap(), [profile]);
    insta::assert_snapshot!(said);
}
