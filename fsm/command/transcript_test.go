// The transcripts in testdata are run by another package, since Go lets only packages below cmd import cmd/internal:
//
//	go test ./cmd/internal/transcript -run 'TestTranscripts.*/^set$'           one file, on a bare store and on a real Redis
//	go test ./cmd/internal/transcript -run 'TestTranscriptsOnRedis/^set$' -update   fill in what a real Redis answers
//
// It also compares each row of the table with COMMAND INFO and COMMAND DOCS of the real Redis. Random sequences of all
// commands are compared by go test ./cmd/internal/difftest.
package command_test
