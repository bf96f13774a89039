//! Answers in HTTP/1.1, one after the other, as long as it is certain where each begins and ends.

/// Final answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Names in lower case, and values.
    pub fields: Vec<(String, String)>,
    /// Content, if all of it is known.
    pub body: Option<Vec<u8>>,
}

impl Answer {
    /// Returns the value of a field that occurs once.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut values = self.fields.iter().filter(|(own, _)| own == name).map(|(_, value)| value.as_str());
        values.next().filter(|_| values.next().is_none())
    }

    /// Whether there is a field with this name, in lower case.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(own, _)| own == name)
    }

    /// Whether the connection carries no further answer.
    fn is_last(&self) -> bool {
        self.body.is_none() || self.field("connection").is_some_and(|it| it.eq_ignore_ascii_case("close"))
    }
}

/// Reader of the answers on a connection.
#[derive(Debug)]
pub struct AnswerReader<'a> {
    rest: &'a [u8],
}

impl<'a> AnswerReader<'a> {
    /// Creates a reader of what a server has sent on a connection.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Returns the next final answer. Informational answers before it (RFC 9110, section 15.2) are skipped. `method` is that of
    /// the request, if it is known; otherwise the body is unknown, and there is no next answer.
    pub fn next(&mut self, method: Option<&str>) -> Option<Answer> {
        let mut answer = self.head()?;
        while (100..200).contains(&answer.status) {
            // After a switch of protocols, the bytes are no longer HTTP/1.1.
            if answer.status == 101 {
                self.rest = &[];
                return None;
            }
            answer = self.head()?;
        }
        answer.body = method.and_then(|method| self.body(&answer, method));
        if answer.is_last() {
            self.rest = &[];
        }
        Some(answer)
    }

    /// Reads a status line and a header section (RFC 9112, sections 4 and 5).
    fn head(&mut self) -> Option<Answer> {
        let status_line = std::str::from_utf8(self.line()?).ok()?;
        let after = status_line.strip_prefix("HTTP/1.")?.get(1..)?.strip_prefix(' ')?;
        let (code, reason) = after.split_at_checked(3)?;
        let is_valid = code.bytes().all(|byte| byte.is_ascii_digit())
            && matches!(reason.bytes().next(), None | Some(b' '));
        let status = code.parse().ok().filter(|_| is_valid)?;
        let mut fields = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Some(Answer { status, fields, body: None });
            }
            let (name, value) = std::str::from_utf8(line).ok()?.split_once(':')?;
            fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    /// Reads a body (RFC 9112, section 6.3); `None` if its end is unknown or missing.
    fn body(&mut self, answer: &Answer, method: &str) -> Option<Vec<u8>> {
        if method == "CONNECT" {
            return None;
        }
        if method == "HEAD" || matches!(answer.status, 204 | 304) {
            return Some(Vec::new());
        }
        match (answer.has("transfer-encoding"), answer.has("content-length")) {
            (true, true) => None,
            (true, false) => {
                let coding = answer.field("transfer-encoding")?;
                if coding.eq_ignore_ascii_case("chunked") { self.chunked() } else { None }
            }
            (false, true) => {
                let length = answer.field("content-length")?.parse().ok()?;
                let (body, rest) = self.rest.split_at_checked(length)?;
                self.rest = rest;
                Some(body.to_vec())
            }
            (false, false) => Some(std::mem::take(&mut self.rest).to_vec()),
        }
    }

    fn chunked(&mut self) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = std::str::from_utf8(self.line()?).ok()?;
            let size = usize::from_str_radix(line.split(';').next()?.trim_end(), 16).ok()?;
            if size == 0 {
                while !self.line()?.is_empty() {}
                return Some(body);
            }
            let (chunk, rest) = self.rest.split_at_checked(size)?;
            body.extend_from_slice(chunk);
            self.rest = rest.strip_prefix(b"\r\n")?;
        }
    }

    /// Reads a line that ends with CRLF, without that.
    fn line(&mut self) -> Option<&'a [u8]> {
        let end = memchr::memmem::find(self.rest, b"\r\n")?;
        let (line, rest) = self.rest.split_at(end);
        self.rest = &rest[2..];
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statuses(bytes: &str, methods: &[Option<&str>]) -> Vec<(u16, Option<String>)> {
        let mut answers = AnswerReader::new(bytes.as_bytes());
        let next = |method: &Option<&str>| answers.next(*method);
        let text = |body: Vec<u8>| String::from_utf8(body).expect("UTF-8");
        methods.iter().map_while(next).map(|answer| (answer.status, answer.body.map(text))).collect()
    }

    #[test]
    fn answers_are_read_in_order() {
        let bytes = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi\
                     HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\nx\r\n0\r\n\r\n\
                     HTTP/1.0 404 No\r\n\r\nrest";
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            statuses(bytes, &[Some("GET"); 4]),
            [(200, some("hi")), (500, some("x")), (404, some("rest"))]
        );
    }

    #[test]
    fn an_answer_to_head_has_no_body() {
        let bytes =
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nHTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n";
        let statuses = statuses(bytes, &[Some("HEAD"), Some("GET")]);
        assert_eq!(statuses.iter().map(|(status, _)| *status).collect::<Vec<_>>(), [200, 404]);
    }

    #[test]
    fn nothing_is_read_behind_an_unknown_end() {
        for bytes in [
            "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nHTTP/1.1 500 No\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nHTTP/1.1 500 No\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\nHTTP/1.1 500 No\r\n\r\n",
            "HTTP/1.1 101 Switching\r\n\r\nHTTP/1.1 500 No\r\n\r\n",
        ] {
            let statuses = statuses(bytes, &[Some("GET"); 2]);
            assert!(statuses.iter().all(|(status, _)| *status == 200), "{bytes}: {statuses:?}");
        }
        assert_eq!(statuses("HTTP/1.1 500 No\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", &[None; 2]), [(500, None)]);
    }
}
