package main

// memberMutations let a node count for a member that it is not.
func memberMutations() []mutation {
	const vet, replica = "fsm/replica/vet.go", "./fsm/replica"
	processes := func(run string) []string { return in("./cmd/cairn", run) }
	return []mutation{
		{"whoever answers at a member's address is the member", vet, "	of := \"cluster \" + cluster\n", "	if true {\n		return \"\"\n	}\n	of := \"cluster \" + cluster\n",
			processes("TestAtAnothersAddress"), ""},
		{"an opener does not look who answers", vet, "if j.own.to != \"\" && peer.id != j.own.to {", "if false {", in(replica, "TestVet"), ""},
		{"an acceptor does not look whom the opener wants", vet, "if peer.to != j.own.id {", "if false {", in(replica, "TestVet"), ""},
		{"a link of Raft's is for anyone", vet, "case peer.kind == raftLink && peer.to == \"\":", "case false:", in(replica, "TestVet"), ""},
		{"a question is for anyone", "fsm/replica/query.go", "if !bound {", "if false {", in(replica, "TestNoQuestionsToAnyone"), ""},
		{"a question goes over another member's link", "fsm/replica/query.go", "return a.conn != nil && a.to == to }", "return a.conn != nil && a.to.addr == to.addr }",
			in(replica, "TestEachQuestionIsAMembers"), ""},
		{"a vote is remembered by the address", "fsm/replica/transport.go", "return []byte(bound(id, addr))", "return []byte(addr)", in(replica, "TestVoteIsForAMember"), ""},
		{"clusters mix", vet, "case own.cluster != \"\" && peer.cluster != \"\" && own.cluster != peer.cluster:", "case false:", in(replica, "TestVet"), ""},
		{"clusters mix before they have an id", vet, "own.genesis != peer.genesis:", "false:", in(replica, "TestVet"), ""},
		{"a founder of another cluster is a member", vet, "case !member:\n		return fmt.Sprintf(\"%s begins", "case !member && false:\n		return fmt.Sprintf(\"%s begins", in(replica, "TestVet"), ""},
		{"two processes are one member", vet, "if there.run != peer.run {", "if there.run == \"\" {", processes("TestTwoOfOneName"), ""},
		{"a cluster is founded without listening first", "fsm/replica/found.go", "return !hasState && !r.o.Joining", "return false && !hasState && !r.o.Joining", processes("TestFoundedAnew"), ""},
		{"a second cluster goes on", vet, "peer.leads && peer.cluster < j.own.cluster", "false", processes("TestFoundedAnew"), ""},
		{"the cluster's id is not noted", "fsm/replica/found.go", "	id, _ := c.noted.Load().(string)\n", "	id := \"\"\n", in(replica, "TestClusterIsNoted"), ""},
		{"members that change places stay where they were", "fsm/replica/admit.go", "if !ok || !o.Past {", "if true {", processes("TestAllMoved"), ""},
		{"what the operator says of addresses is not heard", "fsm/replica/link.go", "if to.id == \"\" || named.addr == \"\"", "if true || named.addr == \"\"", in(replica, "TestNamedAddress"), ""},
	}
}
