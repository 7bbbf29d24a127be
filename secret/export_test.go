package secret

// DataKeyOf makes a data key of known bytes.
func DataKeyOf(raw []byte) *DataKey {
	k, err := dataKey(raw)
	if err != nil {
		panic(err)
	}
	return k
}
