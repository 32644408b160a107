// Package faults holds what is done to real processes: three `cairn serve` under clients whose histories are checked,
// while they are killed, stopped, cut off and filled up, and one or three that are sent what no client should send.
// It has tests only, for Linux. Networks of their own and small disks need root; without it those tests are skipped,
// but fail when CI=true.
//
// scripts/faults.sh MINUTES runs the faults at length. A test prints its seed; CAIRN_FAULTS_SEED runs it again, as
// far as real processes can be run again.
package faults
