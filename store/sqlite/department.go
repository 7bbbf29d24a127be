package sqlite

import (
	"muster"
)

func addDepartment(c *conn, tenant muster.ID, d *muster.Department) error {
	_, err := c.exec(insertDepartment, int64(tenant), int64(d.ID), int64(d.Parent), d.Name, d.IDPath, d.NamePath, millis(d.CreatedAt))
	return err
}
