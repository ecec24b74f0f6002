//! The word by which a person accepts exactly what was seen, and nothing else: with anything that
//! changes it is another one.

use crate::Digest;

/// Hexadecimal digits of a token: nobody guesses it, and it can be typed.
const DIGITS: usize = 12;

/// The first 12 hexadecimal digits of the SHA-256 of what was seen.
pub fn token(bytes: &[u8]) -> String {
    let digest = Digest::of(bytes);
    let digits = digest.as_str().trim_start_matches("sha256:");
    digits.chars().take(DIGITS).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_token_is_the_beginning_of_the_sum_that_sha256sum_prints() {
        assert_eq!(super::token(b""), "e3b0c44298fc");
        assert_eq!(super::token(b"abc"), "ba7816bf8f01");
    }
}
