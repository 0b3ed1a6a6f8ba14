//! Constants and functions by name.

use std::f64::consts;

type One = fn(f64) -> f64;

const ONE: [(&str, One); 22] = [
    ("abs", f64::abs), ("sqrt", f64::sqrt), ("cbrt", f64::cbrt), ("exp", f64::exp), ("ln", f64::ln),
    ("log2", f64::log2), ("log10", f64::log10), ("sin", f64::sin), ("cos", f64::cos), ("tan", f64::tan),
    ("asin", f64::asin), ("acos", f64::acos), ("atan", f64::atan), ("sinh", f64::sinh), ("cosh", f64::cosh),
    ("tanh", f64::tanh), ("floor", f64::floor), ("ceil", f64::ceil), ("trunc", f64::trunc),
    ("degrees", f64::to_degrees), ("radians", f64::to_radians), ("sign", sign),
];

const TWO: [(&str, fn(f64, f64) -> f64); 3] = [("atan2", f64::atan2), ("hypot", f64::hypot), ("pow", f64::powf)];

/// Functions of one or more numbers, or with their own rule.
const OTHER: [&str; 10] = ["min", "max", "sum", "mean", "median", "round", "log", "gcd", "lcm", "factorial"];

/// The value of a constant.
pub(crate) fn constant(name: &str) -> Option<f64> {
    Some(match name {
        "pi" | "π" => consts::PI,
        "tau" | "τ" => consts::TAU,
        "e" => consts::E,
        "phi" | "φ" => 1.618_033_988_749_895,
        _ => return None,
    })
}

/// Whether there is a function of that name.
pub(crate) fn exists(name: &str) -> bool {
    ONE.iter().any(|(known, _)| *known == name)
        || TWO.iter().any(|(known, _)| *known == name)
        || OTHER.contains(&name)
}

/// Calls the function `name`.
pub(crate) fn call(name: &str, arguments: &[f64]) -> Result<f64, String> {
    let value = if let Some((_, function)) = ONE.iter().find(|(known, _)| *known == name) {
        let [x] = exactly(name, arguments)?;
        function(x)
    } else if let Some((_, function)) = TWO.iter().find(|(known, _)| *known == name) {
        let [x, y] = exactly(name, arguments)?;
        function(x, y)
    } else {
        other(name, arguments)?
    };
    if value.is_nan() {
        let given: Vec<String> = arguments.iter().map(|x| crate::expression::to_text(*x)).collect();
        return Err(format!("{name}({}) has no value among the real numbers", given.join(", ")));
    }
    Ok(value)
}

fn other(name: &str, arguments: &[f64]) -> Result<f64, String> {
    Ok(match name {
        "min" => some(name, arguments)?.iter().copied().fold(f64::INFINITY, f64::min),
        "max" => some(name, arguments)?.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        "sum" => arguments.iter().sum(),
        "mean" => some(name, arguments)?.iter().sum::<f64>() / arguments.len() as f64,
        "median" => median(some(name, arguments)?),
        "round" => match arguments {
            [x] => x.round(),
            [x, places] => round_to(*x, whole("round", *places)?)?,
            _ => return Err(format!("round takes 1 or 2 numbers, not {}", arguments.len())),
        },
        "log" => match arguments {
            [x] => x.ln(),
            [x, base] => x.log(*base),
            _ => return Err(format!("log takes 1 or 2 numbers, not {}", arguments.len())),
        },
        "gcd" => some(name, arguments)?.iter().try_fold(0, |sum, x| Ok::<_, String>(gcd(sum, whole("gcd", *x)?)))? as f64,
        "lcm" => {
            let mut all: u64 = 1;
            for x in some(name, arguments)? {
                let x = whole("lcm", *x)?.unsigned_abs();
                if x == 0 {
                    return Ok(0.0);
                }
                all = (all / gcd(all as i64, x as i64).unsigned_abs())
                    .checked_mul(x)
                    .filter(|all| *all <= 1 << 53)
                    .ok_or("the result of lcm is too large")?;
            }
            all as f64
        }
        "factorial" => {
            let [x] = exactly(name, arguments)?;
            factorial(x)?
        }
        _ => return Err(unknown(name)),
    })
}

/// `x!` for a whole number that a double can hold.
pub(crate) fn factorial(x: f64) -> Result<f64, String> {
    let n = whole("factorial", x)?;
    match n {
        0..=170 => Ok((1..=n).map(|k| k as f64).product()),
        ..0 => Err("a negative number has no factorial".into()),
        _ => Err(format!("{n}! is too large; 170! is the last that fits")),
    }
}

fn exactly<const N: usize>(name: &str, arguments: &[f64]) -> Result<[f64; N], String> {
    arguments.try_into().map_err(|_| {
        format!("{name} takes {N} number{}, not {}", if N == 1 { "" } else { "s" }, arguments.len())
    })
}

fn some<'a>(name: &str, arguments: &'a [f64]) -> Result<&'a [f64], String> {
    if arguments.is_empty() { Err(format!("{name} needs at least one number")) } else { Ok(arguments) }
}

fn whole(name: &str, x: f64) -> Result<i64, String> {
    if x.fract() == 0.0 && x.abs() <= (1_u64 << 53) as f64 {
        Ok(x as i64)
    } else {
        Err(format!("{name} needs a whole number, not {}", crate::expression::to_text(x)))
    }
}

fn sign(x: f64) -> f64 {
    if x == 0.0 { 0.0 } else { x.signum() }
}

fn gcd(a: i64, b: i64) -> i64 {
    let (mut a, mut b) = (a.abs(), b.abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) }
}

fn round_to(x: f64, places: i64) -> Result<f64, String> {
    if !(0..=15).contains(&places) {
        return Err(format!("round takes 0 to 15 places, not {places}"));
    }
    // Through text, because 1.005 * 100 is not 100.5.
    Ok(format!("{x:.*}", places as usize).parse().unwrap_or(x))
}

fn unknown(name: &str) -> String {
    let names = ONE.iter().map(|(name, _)| *name).chain(TWO.iter().map(|(name, _)| *name)).chain(OTHER);
    let nearest = names.min_by_key(|known| distance(name, known)).unwrap_or_default();
    if distance(name, nearest) <= 2 {
        format!("there is no function {name:?}; did you mean {nearest}?")
    } else {
        format!("there is no function {name:?}")
    }
}

/// Levenshtein distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let kept = diagonal + usize::from(left != *right);
            diagonal = row[j + 1];
            row[j + 1] = kept.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_function_can_be_called() {
        for (name, _) in ONE {
            assert!(call(name, &[1.0]).is_ok(), "{name}");
        }
        for (name, _) in TWO {
            assert!(call(name, &[1.0, 2.0]).is_ok(), "{name}");
        }
        for name in OTHER {
            assert!(exists(name) && call(name, &[4.0]).is_ok(), "{name}");
        }
    }

    #[test]
    fn lists_of_numbers_are_summed_up() {
        assert_eq!(call("max", &[1.0, 9.0, 3.0]), Ok(9.0));
        assert_eq!(call("mean", &[1.0, 2.0, 6.0]), Ok(3.0));
        assert_eq!(call("median", &[4.0, 1.0, 3.0, 2.0]), Ok(2.5));
        assert_eq!(call("gcd", &[12.0, 18.0]), Ok(6.0));
        assert_eq!(call("lcm", &[4.0, 6.0]), Ok(12.0));
        assert_eq!(call("round", &[2.345_6, 2.0]), Ok(2.35));
    }

    #[test]
    fn what_has_no_value_is_said_so() {
        assert_eq!(call("sqrt", &[-1.0]).unwrap_err(), "sqrt(-1) has no value among the real numbers");
        assert_eq!(call("sqrt", &[]).unwrap_err(), "sqrt takes 1 number, not 0");
        assert_eq!(call("hypto", &[3.0]).unwrap_err(), "there is no function \"hypto\"; did you mean hypot?");
        assert_eq!(call("launch", &[]).unwrap_err(), "there is no function \"launch\"");
        assert_eq!(factorial(171.0).unwrap_err(), "171! is too large; 170! is the last that fits");
        assert_eq!(factorial(0.5).unwrap_err(), "factorial needs a whole number, not 0.5");
        assert_eq!(call("min", &[]).unwrap_err(), "min needs at least one number");
    }
}
