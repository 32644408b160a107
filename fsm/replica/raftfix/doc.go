// Package raftfix is hashicorp/raft as this program needs it: what the library gets wrong, or has not, stands here
// and nowhere else. All rows are of version 1.8.0; tests without a package are of fsm/replica, which has a whole Raft
// to try them on.
//
//	the library's fault                        | file            | test                          | can go when the library
//	installs every snapshot of its term, and   | appendfilter.go | TestLateSnapshot,             | keeps a log that holds the
//	  so forgets entries it has answered for   |                 | TestNeededSnapshot            |   snapshot's last entry
//	refuses entries whose predecessor it has   | appendfilter.go | TestAppendBehind              | takes what is compacted as
//	  compacted                                |                 |                               |   matching
//	commits up to its own last entry, not to   | appendfilter.go | TestCommitBound               | follows Ongaro's figure 3.1
//	  the request's                            |                 |                               |
//	counts whoever answers at an address, and  | memberaddr.go,  | TestVoteIsForAMember,         | pools links and notes votes
//	  notes votes by addresses                 | transport.go    | TestEachQuestionIsAMembers    |   by id
//	votes on a disk that has lost its past,    | voteguard.go    | raftfix.TestVoteGuard         | has a rule for a lost disk
//	  and right after a restart                |                 |                               |   and one for leases
//	stores first and sends then                | parallellog.go  | raftfix.TestEarly,            | writes in parallel (Ongaro
//	                                           |                 | TestSlowLeader                |   2014, 10.2.1)
//	an offer of leadership that fails leaves   | transfers.go    | raftfix.TestTransfers         | takes a failed offer out of
//	  one that waits for ever                  |                 |                               |   its channel
//	a pipeline stands still after a refusal,   | pipeline.go     | raftfix.TestPipelineMoves     | drains a pipeline before it
//	  and Shutdown with it                     |                 |                               |   closes it
//	sends an empty append each CommitTimeout   | pipeline.go     | raftfix.TestPipelineSparse    | sends what is new
//	waits up to 10 s after failed appends,     | contacts.go     | raftfix.TestAwaitContact      | appends again when a heartbeat
//	  though the follower is back              |                 |                               |   is answered
//	does not tell when a majority followed     | contacts.go     | raftfix.TestMajority          | tells it
//	a deadline bounds a whole request          | patient.go      | raftfix.TestPatientConn       | bounds how long it stands still
//	Shutdown waits for votes that it has asked | patient.go      | link.TestHangUp               | ends what it has asked for
//	  of a node that does not answer           |                 |                               |
//	streams have no pace, and nobody knows     | streams.go      | raftfix.TestStreamPace        | has both
//	  how far they are                         |                 |                               |
//	logs a line or more for each snapshot, and | logger.go       | raftfix.TestLogger,           | logs less
//	  a restart as a dozen errors              |                 | raftfix.TestMeanings          |
//	Close of its transport leaves connections  | transport.go    |                               | closes them
//
// Not here, for they are questions of this program's own: reads are not confirmed by raft.VerifyLeader, whose answers
// may be old (confirmers in fsm/replica).
package raftfix
