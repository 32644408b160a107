package resp

import "cairn/fsm/command"

// nodeRows are the commands that the node answers whatever the keyspace holds.
func nodeRows() []command.Spec {
	return append(serverRows(), []command.Spec{
		{Name: "wait", Summary: "Waits until followers hold the writes acknowledged before and says how many do",
			Exec: handler(runWait)},
		{Name: "role", Summary: "Says whether this node leads, and who follows or leads it", Exec: handler(runRole)},
		{Name: "readonly", Summary: "Lets the connection read this node's own state, which may be a little old",
			Exec: handler(runReadOnly)},
		{Name: "readwrite", Summary: "Ends READONLY", Exec: handler(runReadWrite)},
		{Name: "asking", Summary: "Is understood, but slots never move here", Exec: handler(runAsking)},
	}...)
}

func serverRows() []command.Spec {
	return []command.Spec{
		configRow(),
		{Name: "info", Summary: "Describes the node in sections", Exec: handler(runInfo)},
		{Name: "time", Summary: "Answers this node's clock in seconds and microseconds", Exec: handler(runTime)},
		{Name: "lolwut", Cost: "O(1)", Summary: "Answers a little picture and the version", Exec: handler(runLolwut)},
		{Name: "shutdown", Cost: "O(1)", Summary: "Stops this node in good order", Exec: handler(runShutdown)},
	}
}
