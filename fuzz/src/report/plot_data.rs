//! AFL++'s `plot_data` of one instance: a row of figures every few seconds. The columns differ between versions, so
//! they are found by the names in the header.

/// Row of `plot_data`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlotRow {
    /// Time spent fuzzing, over all resumptions, in seconds.
    pub run_time_s: f64,
    /// Number of executions.
    pub executions: Option<u64>,
    /// Edges covered.
    pub edges: Option<u64>,
    /// Inputs in the queue.
    pub corpus: Option<u64>,
}

/// Positions of the columns.
#[derive(Debug, Clone, Copy, Default)]
struct PlotColumns {
    time: Option<usize>,
    executions: Option<usize>,
    edges: Option<usize>,
    corpus: Option<usize>,
}

impl PlotColumns {
    fn of_header(header: &str) -> Self {
        let names: Vec<_> = header.split(',').map(str::trim).collect();
        let position = |name| names.iter().position(|it| *it == name);
        Self {
            time: position("relative_time"),
            executions: position("total_execs"),
            edges: position("edges_found"),
            corpus: position("corpus_count"),
        }
    }

    fn row(self, line: &str) -> Option<PlotRow> {
        let cells: Vec<_> = line.split(',').map(str::trim).collect();
        let count = |column: Option<usize>| cells.get(column?)?.parse().ok();
        Some(PlotRow {
            run_time_s: cells.get(self.time?)?.parse().ok().filter(|time: &f64| time.is_finite())?,
            executions: count(self.executions),
            edges: count(self.edges),
            corpus: count(self.corpus),
        })
    }
}

/// Returns the complete rows. A resumption may repeat the header. A last line without its end is still being written,
/// and is left out.
#[must_use]
pub fn parse(text: &str) -> Vec<PlotRow> {
    let mut columns = PlotColumns::default();
    let mut rows = Vec::new();
    for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
        match line.strip_prefix('#') {
            Some(header) => columns = PlotColumns::of_header(header),
            None => rows.extend(columns.row(line)),
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "# relative_time, cycles_done, corpus_count, total_execs, edges_found\n";

    #[test]
    fn columns_are_found_by_name() {
        let rows = parse(&format!("{HEADER}60, 0, 12, 871759, 4447\n"));
        let row =
            PlotRow { run_time_s: 60.0, executions: Some(871_759), edges: Some(4447), corpus: Some(12) };
        assert_eq!(rows, [row]);
        assert_eq!(parse("# relative_time, total_execs\n1, 2\n")[0].edges, None);
    }

    #[test]
    fn half_written_and_broken_lines_are_left_out() {
        let rows = parse(&format!("{HEADER}60, 0, 1, 2, 3\n\nx\ninf, 0, 1, 2, 3\n65, 0, 1, 25"));
        assert_eq!(rows.len(), 1);
        assert_eq!(parse("1, 2, 3\n"), [], "no header");
        assert_eq!(parse(""), []);
    }

    #[test]
    fn a_repeated_header_is_no_row() {
        assert_eq!(parse(&format!("{HEADER}1, 0, 1, 2, 3\n{HEADER}2, 0, 1, 2, 3\n")).len(), 2);
    }
}
