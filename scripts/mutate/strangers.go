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
		{"a refused MULTI lets its calls run", "resp/dispatch.go", "c.torn() && !mayInTorn(spec)", "false && !mayInTorn(spec)",
			in("./resp", "TestRefusedMulti|TestBatchRefusedMulti"), ""},
		{"a refused MULTI without EXEC spoils its connection for ever", "resp/group.go", "const tornWait = 5 * time.Second",
			"const tornWait = 5 * time.Hour", in("./resp", "TestTornGroupEnds"), ""},
	}
}
