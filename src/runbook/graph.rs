//! The graph of steps: order, cycles, what comes before what. Positions only; it knows nothing of what steps do.

use std::collections::BTreeSet;

/// The edges of a runbook: for each step, the positions of those that must be done before.
#[derive(Debug, Clone)]
pub(super) struct Graph {
    needs: Vec<Vec<usize>>,
}

impl Graph {
    pub(super) fn new(needs: Vec<Vec<usize>>) -> Self {
        Self { needs }
    }

    /// An order that respects every edge, and otherwise the document's. Leaves out what stands on a cycle or after one.
    pub(super) fn order(&self) -> Vec<usize> {
        let mut done = vec![false; self.needs.len()];
        let mut order = Vec::with_capacity(self.needs.len());
        while let Some(next) =
            (0..self.needs.len()).find(|&step| !done[step] && self.needs[step].iter().all(|&before| done[before]))
        {
            done[next] = true;
            order.push(next);
        }
        order
    }

    /// One path around each knot of cycles: the steps in the order of their edges, the first one again at the end.
    pub(super) fn cycles(&self) -> Vec<Vec<usize>> {
        let mut cycles: Vec<Vec<usize>> = Vec::new();
        let ancestors: Vec<BTreeSet<usize>> = (0..self.needs.len()).map(|step| self.ancestors(step)).collect();
        for start in 0..self.needs.len() {
            let knot = |step: usize| ancestors[step].contains(&start) && ancestors[start].contains(&step);
            if !ancestors[start].contains(&start) || cycles.iter().flatten().any(|&step| knot(step)) {
                continue;
            }
            cycles.push(self.around(start));
        }
        cycles
    }

    /// The shortest way from `start` along its needs back to itself.
    fn around(&self, start: usize) -> Vec<usize> {
        let mut paths = vec![vec![start]];
        let mut seen = BTreeSet::new();
        while !paths.is_empty() {
            let mut longer = Vec::new();
            for path in paths {
                let end = *path.last().unwrap_or(&start);
                for &before in &self.needs[end] {
                    let path: Vec<usize> = path.iter().copied().chain([before]).collect();
                    if before == start {
                        return path;
                    }
                    if seen.insert(before) {
                        longer.push(path);
                    }
                }
            }
            paths = longer;
        }
        vec![start]
    }

    /// Every step that must be done before `step`, directly or not.
    pub(super) fn ancestors(&self, step: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut open = self.needs[step].clone();
        while let Some(next) = open.pop() {
            if found.insert(next) {
                open.extend(&self.needs[next]);
            }
        }
        found
    }

    /// The heaviest chain of steps, and its weight. The graph must have no cycle.
    pub(super) fn heaviest<W: Copy + Default + Ord + std::ops::Add<Output = W>>(
        &self,
        weights: &[W],
    ) -> (W, Vec<usize>) {
        let mut best: Vec<(W, Option<usize>)> = vec![(W::default(), None); self.needs.len()];
        for step in self.order() {
            let before = self.needs[step].iter().copied().max_by_key(|&before| best[before].0);
            let so_far = before.map_or_else(W::default, |before| best[before].0);
            best[step] = (so_far + weights[step], before);
        }
        let Some(end) = (0..best.len()).max_by_key(|&step| (best[step].0, std::cmp::Reverse(step))) else {
            return (W::default(), Vec::new());
        };
        let mut chain: Vec<usize> = std::iter::successors(Some(end), |&step| best[step].1).collect();
        chain.reverse();
        (best[end].0, chain)
    }

    /// The graph without some of its steps: what needed one of them needs what that one needed.
    pub(super) fn without(&self, gone: &BTreeSet<usize>) -> Self {
        let needs = (0..self.needs.len()).map(|step| self.remaining(step, gone).into_iter().collect()).collect();
        Self { needs }
    }

    fn remaining(&self, step: usize, gone: &BTreeSet<usize>) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut passed = BTreeSet::new();
        let mut open = self.needs[step].clone();
        while let Some(next) = open.pop() {
            if !gone.contains(&next) {
                found.insert(next);
            } else if passed.insert(next) {
                open.extend(&self.needs[next]);
            }
        }
        found
    }

    pub(super) fn needs(&self, step: usize) -> &[usize] {
        &self.needs[step]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(needs: &[&[usize]]) -> Graph {
        Graph::new(needs.iter().map(|needs| needs.to_vec()).collect())
    }

    #[test]
    fn order_follows_the_document_where_edges_leave_a_choice() {
        assert_eq!(graph(&[&[], &[], &[0], &[1]]).order(), [0, 1, 2, 3]);
        assert_eq!(graph(&[&[2], &[], &[], &[0]]).order(), [1, 2, 0, 3]);
    }

    #[test]
    fn each_knot_yields_one_shortest_cycle() {
        assert_eq!(graph(&[&[1], &[2], &[0], &[2], &[4]]).cycles(), [vec![0, 1, 2, 0], vec![4, 4]]);
        assert_eq!(graph(&[&[1, 2], &[0], &[0]]).cycles(), [vec![0, 1, 0]]);
        assert!(graph(&[&[], &[0], &[0, 1]]).cycles().is_empty());
    }

    #[test]
    fn the_heaviest_chain() {
        let graph = graph(&[&[], &[0], &[0], &[1, 2]]);
        assert_eq!(graph.heaviest(&[1, 5, 2, 1]), (7, vec![0, 1, 3]));
    }

    #[test]
    fn a_step_left_out_hands_its_needs_on() {
        let graph = graph(&[&[], &[0], &[1], &[2]]).without(&[1, 2].into());
        assert_eq!(graph.needs(3), [0]);
    }
}
