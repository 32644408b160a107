// Package replica owns the Raft node: it proposes writes in groups, confirms reads, links nodes, and answers what it
// knows of the cluster.
package replica
