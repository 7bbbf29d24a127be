package webhook

// For tests.
var (
	ParseSecret = parseSecret
	Sign        = sign
)
