package provision

// ChunksOf has the upload make chunks of so many rows, so that few rows make many.
func (u *Upload) ChunksOf(rows int) { u.size = rows }
