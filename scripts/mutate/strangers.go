package main

// strangerMutations let a client, or whoever reaches the port, do what costs others something.
func strangerMutations() []mutation {
	return []mutation{
		{"a broken socket has read less than nothing", "resp/poll_linux.go", "case s.err != nil:\n\t\treturn 0, s.err", "case s.err != nil:\n\t\treturn s.n, s.err",
			in("./resp", "TestReset"), ""},
		{"a log line that repeats has no bound", "cmd/node/logbound.go", "if !a.rate.AllowN(r.Time, 1) {", "if !a.rate.AllowN(r.Time, 0) {",
			in("./cmd/node", "TestLogBound|TestStrangersDoNotFillTheLog"), ""},
		{"protected mode lets clients from other machines in", "resp/protect.go", "now.protected && now.requirePass == \"\"", "false && now.requirePass == \"\"",
			in("./resp", "TestProtectedMode"), ""},
		{"protected mode takes links from other machines", "resp/protect.go", "protected && c.srv.o.OpenLinks", "protected && false",
			in("./cmd/node", "TestProtectedModeOfCluster"), ""},
		{"a refused MULTI lets its calls run", "resp/dispatch.go", "c.aborted() && !allowedInAborted(spec)", "false && !allowedInAborted(spec)",
			in("./resp", "TestRefusedMulti|TestBatchRefusedMulti"), ""},
		{"a refused MULTI without EXEC spoils its connection for ever", "resp/transaction.go", "const abortedWait = 5 * time.Second",
			"const abortedWait = 5 * time.Hour", in("./resp", "TestAbortedTransactionEnds"), ""},
		{"CLIENT REPLY SKIP silences what comes after its call", "resp/dispatch.go", "case c.run.silent && len(c.run.calls)+len(c.run.early) > 0:", "case false:",
			in("./resp", "TestBatchSilence"), ""},
		{"a message of a channel follows the reply that says it is left", "resp/subscribe.go", "c.writeMessages() // what was said before", "",
			in("./resp", "TestNoMessageAfterUnsubscribe"), ""},
		{"nobody wakes a parked connection for a message", "resp/outbox.go", "c.accountOutput(size)\n\t\tc.wake()", "c.accountOutput(size)",
			in("./resp", "TestMessageWakes|TestSwitchMaster"), ""},
		{"messages for a client that reads none have no bound", "resp/outbox.go", "if waiting > outboxBytes ||", "if false ||",
			in("./resp", "TestUnreadMessages"), ""},
		{"a node that answers nobody leaves writes of a group out", "fsm/run.go", "if wanted && r.size < r.budget || s.Writes() {", "if wanted && r.size < r.budget {",
			in("./fsm", "TestAtomicGroupReadsItsWrites|TestOneLogOneState"), ""},
	}
}
