package console

import "maps"

// chinese is what the console says in Simplified Chinese, by the English. Each page's words are in a file of their own.
var chinese = joined(
	chineseFrame, chineseDomain, chineseOutcomes,
	chineseAudit,
	chineseBatches,
	chineseCredentials,
	chineseDepartments,
	chineseFiles,
	chineseFederation, chineseRules,
	chineseImport,
	chineseOperators,
	chineseOverview,
	chineseQuotas,
	chineseRoles,
	chineseSettings,
	chineseSignIn,
	chineseUsers,
	chineseWebhooks,
)

// chineseForms are those sentences of the domain that have arguments.
var chineseForms = formsOf(joined(chineseDomain, chineseFiles, chineseRules))

func joined(parts ...map[string]string) map[string]string {
	all := map[string]string{}
	for _, p := range parts {
		maps.Copy(all, p)
	}
	return all
}

// chineseFrame is what stands around pages, and what more than one of them says.
var chineseFrame = map[string]string{
	"(optional)":            "（可选）",
	"Access":                "访问",
	"Administrator":         "管理员",
	"An error":              "出错了",
	"Audit trail":           "审计记录",
	"Batches":               "批次",
	"Breadcrumbs":           "当前位置",
	"Credentials":           "凭证",
	"Departments":           "部门",
	"Directory":             "目录",
	"E-mail address":        "电子邮箱",
	"Federation":            "联合",
	"Further on":            "后一页",
	"Import":                "导入",
	"Import users":          "导入用户",
	"Main":                  "主导航",
	"Menu":                  "菜单",
	"Name":                  "名称",
	"Not allowed":           "不允许",
	"Not available now":     "暂不可用",
	"Not found":             "未找到",
	"Nothing was changed:":  "未作任何更改：",
	"Operator":              "操作员",
	"Operators":             "操作员",
	"Overview":              "概览",
	"Reference in the log:": "日志中的编号：",
	"Refused":               "已拒绝",
	"Remove":                "移除",
	"Role":                  "角色",
	"Roles":                 "角色",
	"Rows":                  "行数",
	"Save":                  "保存",
	"Settings":              "设置",
	"Sign out":              "退出登录",
	"Skip to the content":   "跳到正文",
	"State":                 "状态",
	"Switch":                "切换",
	"Tenant":                "租户",
	"The installation":      "整个安装",
	"To the overview":       "返回概览",
	"To the sign-in":        "前往登录",
	"Too many attempts":     "尝试次数过多",
	"Users":                 "用户",
	"Viewer":                "查看者",
	"Webhooks":              "Webhook 通知",
	"Work":                  "工作",
	"Your settings":         "个人设置",
	"disabled":              "已停用",
	"enabled":               "已启用",
	"never":                 "从未",
	"Something went wrong on the server. Try again; if it stays so, the server's log says why.":                  "服务器出错。请重试；如果仍然如此，请查看服务器日志。",
	"The database cannot be used now: send the request again.":                                                   "数据库暂时不可用：请重新发送请求。",
	"The form came from another site, and nothing was done.":                                                     "表单来自其他网站，未执行任何操作。",
	"The form cannot be read, or is too large.":                                                                  "无法读取表单，或表单过大。",
	"The form is not of this session and tenant, and nothing was changed: open the page again and send it anew.": "表单不属于当前会话和租户，未作任何更改：请重新打开页面再提交。",
	"The server is about to stop: try again.":                                                                    "服务器即将停止：请重试。",
	"The session has ended: sign in again.":                                                                      "会话已结束：请重新登录。",
	"There is no page at this address.":                                                                          "此地址没有页面。",
	"There is no tenant to show: create one on the command line, with muster tenant create.":                     "没有可显示的租户：请在命令行用 muster tenant create 创建。",
	"You see tenant %s now.":                                                                                     "现在显示租户 %s。",
	"Your role does not allow this: ask an administrator.":                                                       "您的角色不允许此操作：请联系管理员。",
	"Your settings are stored.":                                                                                  "个人设置已保存。",
	"name must be 1 to 64 characters in UTF-8, without control characters or spaces around.":                     "名称须为 1 至 64 个 UTF-8 字符，不含控制字符，首尾无空格。",
}
