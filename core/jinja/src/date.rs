//! `strftime_now`: the date that the caller gives, in the letters of the C library. Times are UTC.

use crate::error::{Failure, Outcome};

const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A moment, taken apart.
struct Moment {
    seconds: i64,
    year: i64,
    /// From 1.
    month: i64,
    day: i64,
    /// From 0.
    day_of_year: i64,
    /// Sunday is 0.
    weekday: i64,
}

impl Moment {
    /// Seconds since 1970. The calendar is Howard Hinnant's `civil_from_days`.
    fn new(seconds: i64) -> Self {
        let days = seconds.div_euclid(86_400);
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let of_era = shifted.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        // Counted from the first of March.
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let day_of_year = if month <= 2 { of_year - 306 } else { of_year + 59 + i64::from(is_leap) };
        let weekday = (days + 4).rem_euclid(7);
        Self { seconds: seconds.rem_euclid(86_400), year, month, day, day_of_year, weekday }
    }

    fn hour(&self) -> i64 {
        self.seconds / 3_600
    }

    /// The hour on a clock with twelve.
    fn half_hour(&self) -> i64 {
        (self.hour() + 11) % 12 + 1
    }

    /// The week of the year; weeks start at this weekday.
    fn week(&self, first: i64) -> i64 {
        (self.day_of_year + 7 - (self.weekday - first).rem_euclid(7)) / 7
    }
}

/// A date in a format, for seconds since 1970.
pub(crate) fn strftime(seconds: i64, format: &str) -> Outcome<String> {
    let moment = Moment::new(seconds);
    let mut output = String::new();
    let mut chars = format.chars();
    while let Some(char) = chars.next() {
        if char != '%' {
            output.push(char);
            continue;
        }
        let mut letter = chars.next();
        // `-` leaves out the padding.
        let is_plain = letter == Some('-');
        if is_plain {
            letter = chars.next();
        }
        let field = letter.and_then(|letter| written(&moment, letter));
        let field = field.ok_or_else(|| Failure::unsupported("a letter of `strftime_now`"))?;
        let trimmed = field.trim_start_matches(['0', ' ']);
        output += match trimmed {
            _ if !is_plain => &field,
            "" => "0",
            trimmed => trimmed,
        };
    }
    Ok(output)
}

fn name<'n>(names: &[&'n str], place: i64) -> &'n str {
    usize::try_from(place).ok().and_then(|place| names.get(place)).copied().unwrap_or_default()
}

fn written(moment: &Moment, letter: char) -> Option<String> {
    let all = |letters: &str| {
        let field = |letter: char| match letter {
            'a'..='z' | 'A'..='Z' => written(moment, letter),
            other => Some(other.to_string()),
        };
        letters.chars().map(field).collect::<Option<String>>()
    };
    let short = |name: &str| name.chars().take(3).collect();
    let (hour, minute, second) = (moment.hour(), moment.seconds / 60 % 60, moment.seconds % 60);
    Some(match letter {
        'Y' => moment.year.to_string(),
        'y' => format!("{:02}", moment.year.rem_euclid(100)),
        'C' => format!("{:02}", moment.year.div_euclid(100)),
        'm' => format!("{:02}", moment.month),
        'd' => format!("{:02}", moment.day),
        'e' => format!("{:2}", moment.day),
        'j' => format!("{:03}", moment.day_of_year + 1),
        'B' => name(&MONTHS, moment.month - 1).to_owned(),
        'b' | 'h' => short(name(&MONTHS, moment.month - 1)),
        'A' => name(&DAYS, moment.weekday).to_owned(),
        'a' => short(name(&DAYS, moment.weekday)),
        'w' => moment.weekday.to_string(),
        'u' => ((moment.weekday + 6) % 7 + 1).to_string(),
        'U' => format!("{:02}", moment.week(0)),
        'W' => format!("{:02}", moment.week(1)),
        'H' => format!("{hour:02}"),
        'k' => format!("{hour:2}"),
        'I' => format!("{:02}", moment.half_hour()),
        'l' => format!("{:2}", moment.half_hour()),
        'M' => format!("{minute:02}"),
        'S' => format!("{second:02}"),
        'f' => "000000".to_owned(),
        'p' => if hour < 12 { "AM" } else { "PM" }.to_owned(),
        'P' => if hour < 12 { "am" } else { "pm" }.to_owned(),
        // Python's `datetime.now()` knows no zone.
        'Z' | 'z' => String::new(),
        'F' => all("Y-m-d")?,
        'D' | 'x' => all("m/d/y")?,
        'T' | 'X' => all("H:M:S")?,
        'R' => all("H:M")?,
        'r' => all("I:M:S p")?,
        'c' => all("a b e H:M:S Y")?,
        'n' => "\n".to_owned(),
        't' => "\t".to_owned(),
        '%' => "%".to_owned(),
        _ => return None,
    })
}
