/* docs/keys.md, made from the tables of keys and screens. */
#include "view/commands.h"
#include "view/keys.h"
#include "view/screen.h"

static void list_screens(unsigned screens, struct cairn_buffer *text)
{
    const char *separator = "";
    const struct cairn_screen_class *class;
    for (size_t i = 0; (class = cairn_screen_class_at(i)) != NULL; i++)
        if ((screens & CAIRN_ON(class->id)) != 0) {
            cairn_buffer_format(text, "%s%s", separator, class->name);
            separator = ", ";
        }
}

/* "everywhere", "everywhere but Objects", or the screens' names. */
static void document_screens(unsigned screens, struct cairn_buffer *text)
{
    const unsigned others = CAIRN_ON_ALL & ~screens;
    if ((others & (others - 1)) != 0) {
        list_screens(screens, text);
        return;
    }
    cairn_buffer_text(text, others == 0 ? "everywhere" : "everywhere but ");
    list_screens(others, text);
}

static void document_commands(struct cairn_buffer *text)
{
    struct cairn_command_facts command;
    cairn_buffer_text(text, "\n## The command line\n\nTab goes through these, and through what may stand "
                            "behind them; a beginning will do "
                            "where only one command has it.\n\n| command | what it does |\n| --- | --- |\n");
    for (size_t i = 0; cairn_command_at(i, &command); i++) {
        cairn_buffer_format(text, "| `:%s%s", command.name, command.argument[0] != '\0' ? " " : "");
        for (const char *c = command.argument; *c != '\0'; c++)
            cairn_buffer_format(text, "%s%c", *c == '|' ? "\\" : "", *c);
        cairn_buffer_format(text, "` | %s |\n", command.help);
    }
}

void cairn_keys_document(struct cairn_buffer *text)
{
    cairn_buffer_text(text,
                      "# The viewer's keys\n\n"
                      "Made from the table in `src/view/keys_table.c`; `?` shows the same in the viewer.\n\n"
                      "## Screens\n\n| key | screen | shows |\n| --- | --- | --- |\n");
    const struct cairn_screen_class *class;
    for (size_t i = 0; (class = cairn_screen_class_at(i)) != NULL; i++)
        if (class->digit != 0)
            cairn_buffer_format(text, "| `%c` | %s | %s |\n", class->digit, class->name, class->summary);
    const char *group;
    for (size_t g = 0; (group = cairn_key_group_at(g)) != NULL; g++) {
        cairn_buffer_format(text, "\n## %s\n\n| keys | what they do | where |\n| --- | --- | --- |\n", group);
        const struct cairn_key_binding *binding;
        for (size_t i = 0; (binding = cairn_key_binding_at(i)) != NULL; i++) {
            if (binding->group != group)
                continue;
            char name[CAIRN_KEY_NAME_MAX];
            cairn_buffer_text(text, "| ");
            for (size_t k = 0; k < 4 && binding->keys[k] != CAIRN_KEY_NONE; k++)
                cairn_buffer_format(text, "%s`%s`", k == 0 ? "" : " ",
                                    cairn_key_name(binding->keys[k], name));
            cairn_buffer_format(text, " | %s | ", binding->help);
            document_screens(binding->screens, text);
            cairn_buffer_text(text, " |\n");
        }
    }
    document_commands(text);
}
