//! Graph of roles that include roles: none includes itself over any way, and it is at most five roles deep.

use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Roles on the longest way from one to the last it includes, both counted: what people can still follow.
pub const DEEPEST: usize = 5;

/// Which role includes which, with their names.
#[derive(Clone, Debug, Default)]
pub struct Graph(pub BTreeMap<Uuid, Node>);

#[derive(Clone, Debug)]
pub struct Node {
    pub name: String,
    pub includes: BTreeSet<Uuid>,
}

/// The names of the roles on the way that is at fault, outermost first.
#[derive(Debug, PartialEq)]
pub enum Fault {
    Cycle(Vec<String>),
    TooDeep(Vec<String>),
}

impl Graph {
    /// What is wrong with the ways that lead through `role`; the rest of the graph is sound.
    pub fn fault(&self, role: Uuid) -> Option<Fault> {
        if let Some(back) = self.way_back(role) {
            return Some(Fault::Cycle(self.names(&back)));
        }
        let mut way = self.longest(role, &|id| self.including(id));
        way.reverse();
        way.extend(self.longest(role, &|id| self.included(id)).into_iter().skip(1));
        (way.len() > DEEPEST).then(|| Fault::TooDeep(self.names(&way)))
    }

    /// The role and all that include it, over any way.
    pub fn above(&self, role: Uuid) -> BTreeSet<Uuid> {
        let (mut found, mut open) = (BTreeSet::from([role]), vec![role]);
        while let Some(id) = open.pop() {
            open.extend(self.including(id).into_iter().filter(|id| found.insert(*id)));
        }
        found
    }

    /// The way from the role back to itself, if there is one.
    fn way_back(&self, role: Uuid) -> Option<Vec<Uuid>> {
        let (mut seen, mut open) = (BTreeSet::new(), vec![vec![role]]);
        while let Some(way) = open.pop() {
            for next in way.last().map(|last| self.included(*last)).unwrap_or_default() {
                let longer = way.iter().copied().chain([next]).collect();
                if next == role {
                    return Some(longer);
                }
                if seen.insert(next) {
                    open.push(longer);
                }
            }
        }
        None
    }

    /// The longest way along `next`, `from` first. There is no cycle, and no way is longer than two sound ones
    /// together.
    fn longest(&self, from: Uuid, next: &dyn Fn(Uuid) -> Vec<Uuid>) -> Vec<Uuid> {
        let (mut way, mut level) = (vec![BTreeMap::from([(from, from)])], vec![from]);
        while !level.is_empty() && way.len() <= 2 * DEEPEST {
            let reached: BTreeMap<Uuid, Uuid> =
                level.iter().flat_map(|id| next(*id).into_iter().map(|other| (other, *id))).collect();
            level = reached.keys().copied().collect();
            way.push(reached);
        }
        let mut last = way.iter().rev().find_map(|level| level.keys().next().copied());
        let mut ids = Vec::new();
        for level in way.iter().rev().skip_while(|level| level.is_empty()) {
            let Some(id) = last else { break };
            ids.push(id);
            last = level.get(&id).copied();
        }
        ids.reverse();
        ids
    }

    /// Only the tenant's own: built-in roles include none.
    fn included(&self, id: Uuid) -> Vec<Uuid> {
        let includes = self.0.get(&id).map(|node| &node.includes);
        includes.into_iter().flatten().copied().filter(|id| self.0.contains_key(id)).collect()
    }

    fn including(&self, id: Uuid) -> Vec<Uuid> {
        self.0.iter().filter(|(_, node)| node.includes.contains(&id)).map(|(id, _)| *id).collect()
    }

    fn names(&self, way: &[Uuid]) -> Vec<String> {
        way.iter().filter_map(|id| self.0.get(id)).map(|node| node.name.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Roles named by letters; `ab` means that a includes b.
    fn graph(edges: &[&str]) -> Graph {
        let mut graph = Graph::default();
        for edge in edges {
            let [from, to] = [0, 1].map(|at| u128::from(edge.as_bytes()[at]));
            for id in [from, to] {
                let name = char::from(id as u8).to_string();
                graph.0.entry(Uuid::from_u128(id)).or_insert(Node { name, includes: BTreeSet::new() });
            }
            graph.0.get_mut(&Uuid::from_u128(from)).unwrap().includes.insert(Uuid::from_u128(to));
        }
        graph
    }

    fn fault(edges: &[&str], role: char) -> Option<Fault> {
        graph(edges).fault(Uuid::from_u128(u128::from(role as u8)))
    }

    fn names(text: &str) -> Vec<String> {
        text.chars().map(String::from).collect()
    }

    #[test]
    fn a_way_back_is_told() {
        assert_eq!(fault(&["ab", "bc", "ca"], 'a'), Some(Fault::Cycle(names("abca"))));
        assert_eq!(fault(&["ab", "ac", "bd", "cd"], 'a'), None);
    }

    #[test]
    fn five_roles_are_deep_enough() {
        let five = ["ab", "bc", "cd", "de"];
        for role in "abcde".chars() {
            assert_eq!(fault(&five, role), None);
        }
        let six = ["ab", "bc", "cd", "de", "ef", "xc", "cy"];
        for role in "abcdef".chars() {
            assert_eq!(fault(&six, role), Some(Fault::TooDeep(names("abcdef"))));
        }
        assert_eq!(fault(&six, 'x'), None);
    }
}
