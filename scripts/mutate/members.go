package main

// memberMutations let a node count for a member that it is not.
func memberMutations() []mutation {
	const vet, replica, link = "fsm/replica/link/judge.go", "./fsm/replica", "./fsm/replica/link"
	processes := func(run string) []string { return in("./cmd/cairn", run) }
	return []mutation{
		{"whoever answers at a member's address is the member", vet, "	of := \"cluster \" + cluster\n", "	if true {\n		return nil\n	}\n	of := \"cluster \" + cluster\n",
			processes("TestAtAnothersAddress"), ""},
		{"an opener does not look who answers", vet, "if j.own.To != \"\" && peer.ID != j.own.To {", "if false {", in(link, "TestVet"), ""},
		{"an acceptor does not look whom the opener wants", vet, "case peer.To != \"\" && peer.To != j.own.ID:", "case false:", in(link, "TestVet"), ""},
		{"a link of Raft's is for anyone", vet, "case peer.kind == Raft && peer.To == \"\":", "case false:", in(link, "TestVet"), ""},
		{"a question is for anyone", "fsm/replica/queries.go", "if !bound {", "if false {", in(replica, "TestNoQuestionsToAnyone"), ""},
		{"a question goes over another member's link", "fsm/replica/asker.go", "return a.conn != nil && a.to == to }", "return a.conn != nil && a.to.Addr == to.Addr }",
			in(replica, "TestEachQuestionIsAMembers"), ""},
		{"a vote is remembered by the address", "fsm/replica/raftfix/transport.go", "return []byte(bound(id, addr))", "return []byte(addr)", in(replica, "TestVoteIsForAMember"), ""},
		{"clusters mix", vet, "if own.Cluster == peer.Cluster {", "if true {", in(link, "TestVet"), ""},
		{"clusters mix before they have an id", vet, "case own.genesis == peer.genesis:", "case true:", in(link, "TestVet"), ""},
		{"a lost disk of no member is let in", vet, "case !is:", "case !is && false:", in(link, "TestVet"), ""},
		{"two processes are one member", vet, "run != peer.run {", "false {", processes("TestTwoOfOneName"), ""},
		{"a cluster is founded without listening first", "fsm/replica/found.go", "return !hasState && !f.o.Joining", "return false && !hasState && !f.o.Joining", processes("TestFoundedAnew"), ""},
		{"a second cluster goes on", vet, "peer.leads && peer.Cluster < own.Cluster", "false", processes("TestFoundedAnew"), ""},
		{"the cluster's id is not noted", "fsm/replica/link/clusternote.go", "string(id), len(id) > 0", "string(id[:0]), false", in(replica, "TestClusterIsNoted"), ""},
		{"a node that knows no cluster is anyone's", vet, "case to == \"\" && (own.genesis", "case (own.genesis", in(link, "TestVet|TestJoinerIsOfOneCluster"), ""},
		{"a node with others stops at a call", vet, " && len(j.members) == 1", "", in(link, "TestMustYield"), ""},
		{"a new cluster is taken for the member that was there", "fsm/replica/found.go", "	if f.o.NewCluster {\n		return link.Refuse", "	if f.o.NewCluster {\n		return nil\n	}\n	if false {\n		return link.Refuse",
			in(replica, "TestYieldsByWord"), ""},
		{"a joiner forgets whom it follows", "fsm/replica/link/clusternote.go", "	c.mu.id, c.mu.kept = id, true\n", "	c.mu.id = id\n", in(link, "TestJoinerIsOfOneCluster"), ""},
		{"a node at a wrong address has the last word", vet, "return &Refusal{fmt.Sprintf(format, args...), false}", "return &Refusal{fmt.Sprintf(format, args...), true}", in(link, "TestVet"), ""},
		{"members that change places stay where they were", "fsm/replica/membership.go", "if !ok || !o.HasState {", "if true {", processes("TestAllMoved"), ""},
		{"what the operator says of addresses is not heard", "fsm/replica/link/link.go", "{l.o.Addresses[to.ID], ", "{", in(link, "TestNamedAddress"), ""},
		{"what a member says of its address is not heard", "fsm/replica/link/link.go", ", l.addressBook.lookUp(to.ID), ", ", ", processes("TestMovedBesideTheLongestLog"), ""},
		{"a member is not looked for at this node's former place", "fsm/replica/link/link.go", ", string(self.Address)} {", "} {", in(link, "TestFormerPlace"), ""},
		{"a stop waits for what is cut off", "fsm/replica/raftfix/patient.go", "context.AfterFunc(ctx, func() { _ = c.Close() })", "func() bool { return true }", in(link, "TestHangUp"), ""},
	}
}
