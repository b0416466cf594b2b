#include "view/keys.h"

const struct cairn_key_binding *cairn_key_lookup(cairn_key key, enum cairn_screen_id screen)
{
    const struct cairn_key_binding *binding, *general = NULL;
    for (size_t i = 0; key != CAIRN_KEY_NONE && (binding = cairn_key_binding_at(i)) != NULL; i++) {
        if ((binding->screens & CAIRN_ON(screen)) == 0)
            continue;
        for (size_t k = 0; k < sizeof(binding->keys) / sizeof(binding->keys[0]); k++) {
            if (binding->keys[k] != key)
                continue;
            if (binding->screens != CAIRN_ON_ALL)
                return binding;
            if (general == NULL)
                general = binding;
        }
    }
    return general;
}

bool cairn_key_does(enum cairn_action action, enum cairn_screen_id screen)
{
    const struct cairn_key_binding *binding;
    for (size_t i = 0; (binding = cairn_key_binding_at(i)) != NULL; i++)
        if (binding->action == action && (binding->screens & CAIRN_ON(screen)) != 0)
            return true;
    return false;
}

void cairn_key_names(const struct cairn_key_binding *binding, struct cairn_buffer *text)
{
    char name[CAIRN_KEY_NAME_MAX];
    for (size_t k = 0; k < sizeof(binding->keys) / sizeof(binding->keys[0]); k++)
        if (binding->keys[k] != CAIRN_KEY_NONE)
            cairn_buffer_format(text, "%s%s", k == 0 ? "" : "  ", cairn_key_name(binding->keys[k], name));
}
