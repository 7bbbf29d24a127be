package console

// chinese is what the console says in Simplified Chinese, by the English.
var chinese = map[string]string{}
