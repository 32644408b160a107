// Package sim runs whole clusters in simulated time and hurts them, and checks what their clients saw.
//
// A world is one cluster of real nodes (resp, fsm, storage, hashicorp/raft, Pebble) in a testing/synctest bubble:
// time jumps ahead whenever every goroutine waits, so that minutes of a cluster's life take seconds. The network and
// the disks are this package's: messages take time, stall and are cut; disks lose what was not synced, tear it, fail,
// fill up and slow down. Nodes come up at wrong addresses, with their own disk or an empty one. Clients write and
// read meanwhile. In the end everything is healed, and restarted, and checked.
//
// # What is checked
//
//   - Registers, counters, appends and compare-and-set (SET NX, GETDEL) on the leader and plain reads on every node
//     are one linearizable history a key (porcupine). A write without an answer, or with INDOUBT, may take effect at
//     any later time or never; one that was redirected or refused did not happen. The last operations are reads after
//     the last restart on every node, so an acknowledged write that is lost is a violation.
//   - A READONLY connection never sees an older value after a newer one, and sees whatever was acknowledged longer
//     than the staleness bound before.
//   - Random commands of every kind, made from the command table as difftest does, leave all replicas with one digest
//     at one applied index, after the faults, and after a power cut and a restart. During the run the leader asks for
//     checksums at one index (CAIRN.VERIFY's).
//   - A snapshot record is never ahead of the state, which never goes back while its node runs. A term has one
//     leader; one that is ready has applied all that any node had applied in earlier terms.
//   - A node that stops by itself stops because its disk was made to fail; every node starts again on what its disk
//     kept; a healed cluster has a leader within a minute, and all its nodes vote again.
//
// # The pace of a world
//
// Half of the worlds and more are dense: some operations every 10 ms, a fault every second or few, for minutes. The
// others are sparse: as much happens, but over hours, and heartbeats come every few seconds and not ten times in one.
// Whatever is a bound in a cluster with the usual heartbeat is longer in proportion (options.slow), whatever is a
// pause between two things that happen is longer by the pace (options.sparse).
//
// # What a seed reproduces
//
// A seed decides the size and options of the cluster, what each client intends to do, and which faults come when, for
// how long, and with which parameters. It does not decide the order in which goroutines run, and so not which of two
// messages of the same instant is handled first, nor the random numbers inside hashicorp/raft, Pebble and the nodes:
// a run again is the same weather, not the same life. A failure that depends on it comes back in some of many runs of
// its seed (-sim.repeat=20), and the log of the faults that came before it is printed.
//
// # How it runs
//
// A child process a world: a panic on a goroutine of Raft's or Pebble's costs that world and is reported with its
// seed. The child is this package's test binary, built with the tag cairnsim, which lets synctest count a goroutine
// that waits for a mutex as waiting: without it, time stands still for ever once somebody sleeps in a slow Sync while
// another waits for the mutex that is held around it.
//
// A disk error that Pebble cannot survive ends the node: Cairn panics there, in a goroutine that the test cannot
// catch. The last thing before that panic is a line in the node's log; the test's log handler takes the node off the
// network there, keeps a crash clone of its disk, and lets the goroutine wait for ever. Failing reads that would
// panic elsewhere are not simulated. A pause (SIGSTOP) is a network that stalls both ways and a disk that does not
// answer; timers of the node go on.
package sim
