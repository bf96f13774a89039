//! Command lines of curl, as browsers copy them ("copy as cURL") and documents show them (curl(1)).

use anyhow::Result;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::imported::ImportResult;
use super::request::{RequestPieces, split_url};
use crate::input::corpus::Seed;
use crate::util::problem::Problem;

/// Options that take a value and do not change the request.
const OPTIONS_WITH_A_VALUE: &[&str] = &[
    "-o",
    "--output",
    "-m",
    "--max-time",
    "--connect-timeout",
    "-x",
    "--proxy",
    "-w",
    "--write-out",
    "-c",
    "--cookie-jar",
    "--resolve",
    "--cacert",
    "-E",
    "--cert",
    "--key",
    "--retry",
    "--limit-rate",
    "--interface",
    "-D",
    "--dump-header",
    "--ciphers",
    "--tls-max",
    "-K",
    "--config",
    "--max-redirs",
];

/// Whether the file begins with a command line of curl.
pub(super) fn is_command(file: &Seed) -> bool {
    let text = file.bytes.trim_ascii_start();
    let text = text.strip_prefix(b"$ ").unwrap_or(text);
    text.starts_with(b"curl ") || text.starts_with(b"curl\t")
}

/// Reads all command lines of a file.
pub(super) fn read(file: &Seed) -> Result<ImportResult> {
    let text = String::from_utf8_lossy(&file.bytes);
    let words = shell_words::split(&with_plain_quotes(&text)).map_err(|error| {
        let what = format!("{} is no command line: {error}", file.path.display());
        Problem::failed(what, "copy it again, with the quotes at its beginning and its end")
    })?;
    let mut result = ImportResult::default();
    for command in words.split(|word| word == "curl").filter(|words| words.iter().any(|word| word != "$")) {
        match request(command) {
            Ok(request) => {
                let made_from = format!("curl {}{}", request.authority, request.target);
                result.inputs.push(request.into_input(made_from));
            }
            Err(reason) => result.skipped.push(reason),
        }
    }
    Ok(result)
}

/// Converts the words of a command line, without `curl`; the error is the reason why they give no request.
fn request(words: &[String]) -> Result<RequestPieces, String> {
    let mut pieces = RequestPieces::default();
    let (mut url, mut data, mut in_target, mut is_json) = (None, Vec::new(), false, false);
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        let (option, attached) = split_option(word);
        let mut value = || match attached {
            Some(attached) => Ok(attached),
            None => words.next().ok_or_else(|| format!("curl: {option} has no value")),
        };
        match option {
            "-X" | "--request" => pieces.method = value()?.to_owned(),
            "-H" | "--header" => {
                let field = value()?;
                let (name, content) = field.split_once(':').unwrap_or((field, ""));
                pieces.fields.push((name.trim().to_owned(), content.trim().to_owned()));
            }
            "-d" | "--data" | "--data-raw" | "--data-binary" | "--data-ascii" | "--data-urlencode"
            | "--json" => {
                let content = value()?;
                if content.starts_with('@') && option != "--data-raw" {
                    return Err(format!("curl: the body is in a file: {content}"));
                }
                is_json |= option == "--json";
                data.push(content.to_owned());
            }
            "-F" | "--form" | "-T" | "--upload-file" => {
                return Err(format!("curl: {option} {}: forms of files are not converted", value()?));
            }
            "-b" | "--cookie" => pieces.fields.push(("Cookie".to_owned(), value()?.to_owned())),
            "-A" | "--user-agent" => pieces.fields.push(("User-Agent".to_owned(), value()?.to_owned())),
            "-e" | "--referer" => pieces.fields.push(("Referer".to_owned(), value()?.to_owned())),
            "-u" | "--user" => {
                let credentials = format!("Basic {}", BASE64_STANDARD.encode(value()?));
                pieces.fields.push(("Authorization".to_owned(), credentials));
            }
            "--compressed" => pieces.default_field("Accept-Encoding", "gzip, deflate, br"),
            "-G" | "--get" => in_target = true,
            "-I" | "--head" => "HEAD".clone_into(&mut pieces.method),
            "--url" => url = Some(value()?),
            _ if OPTIONS_WITH_A_VALUE.contains(&option) => drop(value()?),
            _ if word.starts_with('-') || ["&", ";", "$", "|"].contains(&word) => {}
            _ => url = url.or(Some(word)),
        }
    }
    let url = url.ok_or("curl: no URL")?.trim_end_matches(';');
    let url = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
    let (authority, target) = split_url(&url).ok_or_else(|| format!("curl: {url}: not HTTP"))?;
    (pieces.authority, pieces.target) = (authority.to_owned(), target);
    if !data.is_empty() {
        let data = data.join(if is_json { "" } else { "&" });
        if in_target {
            let sign = if pieces.target.contains('?') { '&' } else { '?' };
            pieces.target.push_str(&format!("{sign}{data}"));
        } else {
            let media_type = if is_json { "application/json" } else { "application/x-www-form-urlencoded" };
            pieces.default_field("Content-Type", media_type);
            pieces.body = Some(data.into_bytes());
        }
    }
    if pieces.method.is_empty() {
        pieces.method = if pieces.body.is_some() { "POST" } else { "GET" }.to_owned();
    }
    pieces.default_field("Accept", "*/*");
    Ok(pieces)
}

/// Splits a value off that is attached to its option: `--request=PUT`, `-XPUT`.
fn split_option(word: &str) -> (&str, Option<&str>) {
    match word.as_bytes() {
        [b'-', b'-', ..] => {
            word.split_once('=').map_or((word, None), |(option, value)| (option, Some(value)))
        }
        [b'-', b'X' | b'H' | b'd' | b'b' | b'A' | b'e' | b'u', _, ..] if word.is_char_boundary(2) => {
            (&word[..2], Some(&word[2..]))
        }
        _ => (word, None),
    }
}

/// Replaces strings in the shell's ANSI-C quotes, `$'…'`, which browsers write for line feeds and for what is not ASCII, by
/// strings in plain quotes.
fn with_plain_quotes(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("$'") {
        plain.push_str(before);
        let mut content = String::new();
        let mut characters = after.char_indices();
        rest = "";
        while let Some((at, character)) = characters.next() {
            match character {
                '\'' => {
                    rest = &after[at + 1..];
                    break;
                }
                '\\' => {
                    let Some((at, escaped)) = characters.next() else { break };
                    let number = |digits| u32::from_str_radix(after.get(at + 1..at + 1 + digits)?, 16).ok();
                    let digits = match escaped {
                        'u' => 4,
                        'x' => 2,
                        _ => 0,
                    };
                    match number(digits).filter(|_| digits > 0).and_then(char::from_u32) {
                        Some(character) => {
                            content.push(character);
                            characters.nth(digits - 1);
                        }
                        None => content.push(match escaped {
                            'n' => '\n',
                            'r' => '\r',
                            't' => '\t',
                            other => other,
                        }),
                    }
                }
                other => content.push(other),
            }
        }
        plain.push_str(&shell_words::quote(&content));
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(command: &str) -> String {
        let words = shell_words::split(&with_plain_quotes(command)).expect("quotes");
        String::from_utf8(request(&words[1..]).expect("a request").bytes()).expect("UTF-8")
    }

    #[test]
    fn a_browsers_command_is_converted() {
        let command = "curl 'http://h:8/a?b=1' \\\n  -X 'PUT' -H 'accept: x/y' -b 'id=7' \\\n  \
            --data-raw $'{\"a\":\"\\u00e9\\n\"}' --compressed";
        let expected = "PUT /a?b=1 HTTP/1.1\r\nHost: h:8\r\naccept: x/y\r\nCookie: id=7\r\n\
            Accept-Encoding: gzip, deflate, br\r\nContent-Type: application/x-www-form-urlencoded\r\n\
            Content-Length: 11\r\n\r\n{\"a\":\"é\n\"}";
        assert_eq!(converted(command), expected);
    }

    #[test]
    fn options_are_understood_in_all_spellings() {
        let head = |command: &str| converted(command).lines().next().map(str::to_owned).expect("a line");
        assert_eq!(head("curl -sS -o /dev/null h/a"), "GET /a HTTP/1.1");
        assert_eq!(head("curl -XDELETE --url=http://h/b"), "DELETE /b HTTP/1.1");
        assert_eq!(head("curl -G h -d a=1 -d b=2"), "GET /?a=1&b=2 HTTP/1.1");
        assert_eq!(head("curl -I http://h/"), "HEAD / HTTP/1.1");
        assert!(converted("curl h --json '{}' -u a:b").contains("Authorization: Basic YTpi\r\n"));
        assert!(request(&["-d".to_owned(), "@file".to_owned(), "h".to_owned()]).is_err());
    }
}
