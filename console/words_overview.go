package console

var chineseOverview = map[string]string{
	"Accepted":              "接收时间",
	"Batch":                 "批次",
	"Batches under way":     "进行中的批次",
	"Clock and ids":         "时钟和编号",
	"Database":              "数据库",
	"Done":                  "已完成",
	"Health of this server": "本服务器的健康状况",
	"Keys":                  "密钥",
	"Nothing is under way: every row that was accepted has its outcome.": "没有进行中的批次：已接收的每一行都有结果。",
	"Queues":                "队列",
	"Room on the disk":      "磁盘空间",
	"Rows that wait":        "等待处理的行",
	"Seats":                 "席位",
	"System administrators": "系统管理员",
	"There are more.":       "还有更多。",
	"What tenant %s has":    "租户 %s 的概况",
	"in order":              "正常",
	"in trouble":            "异常",
}
