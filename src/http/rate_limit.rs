//! How often a client may ask: keyed limiters of bounded memory, by address and by token.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};

use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderValue};
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota};

use super::error::Problem;
use crate::config::{Configuration, RateLimitSettings};

/// Past this many keys, the idle ones are dropped.
const MOST_KEYS: usize = 100_000;
/// How many checks pass between two looks at the number of keys.
const CHECKS_BETWEEN_SWEEPS: u32 = 10_000;

/// The limits of one server process.
pub struct RateLimits {
    addresses: Option<Limiter<IpAddr>>,
    sign_ins: Option<Limiter<IpAddr>>,
    inspections: Option<Limiter<IpAddr>>,
    tokens: Option<Limiter<i64>>,
    publishes: Option<Limiter<i64>>,
    trust_forwarded_for: bool,
}

struct Limiter<K: std::hash::Hash + Eq + Clone> {
    limiter: DefaultKeyedRateLimiter<K>,
    checks: AtomicU32,
}

impl<K: std::hash::Hash + Eq + Clone> Limiter<K> {
    fn new(per_minute: u32) -> Option<Self> {
        let quota = Quota::per_minute(NonZeroU32::new(per_minute)?);
        Some(Self { limiter: DefaultKeyedRateLimiter::keyed(quota), checks: AtomicU32::new(0) })
    }

    fn check(&self, key: &K, what: &str) -> Result<(), Problem> {
        if self.checks.fetch_add(1, Ordering::Relaxed).is_multiple_of(CHECKS_BETWEEN_SWEEPS)
            && self.limiter.len() > MOST_KEYS
        {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
        self.limiter.check_key(key).map_err(|refused| {
            let wait = refused.wait_time_from(DefaultClock::default().now());
            rate_limited(what, wait.as_secs() + 1)
        })
    }
}

fn rate_limited(what: &str, seconds: u64) -> Problem {
    Problem::new("rate-limited", format!("too many {what}; the next is welcome in {seconds} s"))
        .mend("Wait as `retry-after` says, then send it again.")
        .extra("retry_after_seconds", seconds)
        .header(header::RETRY_AFTER, HeaderValue::from(seconds))
}

impl RateLimits {
    /// The limits as configured.
    pub fn new(configuration: &Configuration) -> Self {
        let settings: &RateLimitSettings = &configuration.rate_limits;
        Self {
            addresses: Limiter::new(settings.address_per_minute),
            sign_ins: Limiter::new(settings.sign_in_per_minute),
            inspections: Limiter::new(settings.inspect_per_minute),
            tokens: Limiter::new(settings.token_per_minute),
            publishes: Limiter::new(settings.publish_per_minute),
            trust_forwarded_for: configuration.trust_forwarded_for,
        }
    }

    /// One more request from where `request` comes from.
    pub fn check_address(&self, request: &HttpRequest) -> Result<(), Problem> {
        let Some(limiter) = &self.addresses else { return Ok(()) };
        limiter.check(&self.address_of(request), "requests from this address")
    }

    /// One more registration or sign-in from where `request` comes from.
    pub fn check_sign_in(&self, request: &HttpRequest) -> Result<(), Problem> {
        let Some(limiter) = &self.sign_ins else { return Ok(()) };
        limiter.check(&self.address_of(request), "sign-ins from this address")
    }

    /// One more inspection for where `request` comes from.
    pub fn check_inspection(&self, request: &HttpRequest) -> Result<(), Problem> {
        let Some(limiter) = &self.inspections else { return Ok(()) };
        limiter.check(&self.address_of(request), "inspections for this address")
    }

    /// One more request with the token of this id.
    pub fn check_token(&self, token_id: i64) -> Result<(), Problem> {
        let Some(limiter) = &self.tokens else { return Ok(()) };
        limiter.check(&token_id, "requests with this token")
    }

    /// One more publish with the token of this id.
    pub fn check_publish(&self, token_id: i64) -> Result<(), Problem> {
        let Some(limiter) = &self.publishes else { return Ok(()) };
        limiter.check(&token_id, "publishes with this token")
    }

    /// Whether `request` was made on this machine. What a proxy passed on was not, unless the proxy is believed and
    /// says so.
    pub fn is_from_this_machine(&self, request: &HttpRequest) -> bool {
        let is_passed_on =
            ["x-forwarded-for", "forwarded"].iter().any(|name| request.headers().contains_key(*name));
        let is_told_truly = self.trust_forwarded_for || !is_passed_on;
        is_told_truly && self.client_of(request).to_canonical().is_loopback()
    }

    fn client_of(&self, request: &HttpRequest) -> IpAddr {
        let peer = request.peer_addr().map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), |peer| peer.ip());
        if self.trust_forwarded_for { forwarded_for(request).unwrap_or(peer) } else { peer }
    }

    /// Where `request` comes from; of IPv6 the network that one customer commonly holds.
    pub fn address_of(&self, request: &HttpRequest) -> IpAddr {
        match self.client_of(request) {
            IpAddr::V6(address) => IpAddr::V6(subnet_of(address)),
            v4 => v4,
        }
    }
}

/// The address the nearest proxy saw: the last entry, for the ones before it anybody may write.
fn forwarded_for(request: &HttpRequest) -> Option<IpAddr> {
    let header = request.headers().get_all("x-forwarded-for").last()?.to_str().ok()?;
    header.rsplit(',').next()?.trim().parse().ok()
}

/// One customer commonly holds a /64.
fn subnet_of(address: Ipv6Addr) -> Ipv6Addr {
    let [a, b, c, d, ..] = address.segments();
    Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)
}
