// Containers of the standard library that say of themselves where their pointers stand: prints "ADDRESS VALUE" for every word
// that holds a pointer into a block, as their own iterators know it.
#include <cstdio>
#include <deque>
#include <forward_list>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

static const int count = 60;

struct Left {
    virtual ~Left() = default;
    int left = 1;
};
struct Right {
    virtual ~Right() = default;
    int right = 2;
};
// Held by a pointer to its second base: to its middle.
struct Both : Left, Right {
    int both = 3;
};

struct World {
    std::map<int, std::string> map;
    std::multiset<std::string> multiset;
    std::list<std::string> list;
    std::forward_list<std::unique_ptr<int>> forward_list;
    std::unordered_map<std::string, std::vector<int>> unordered_map;
    std::unordered_multiset<int> unordered_set;
    std::vector<std::unique_ptr<Left>> lefts;
    std::vector<Right *> rights;
    std::vector<std::shared_ptr<std::string>> shared;
    std::deque<std::unique_ptr<long>> deque;
    std::vector<std::vector<std::vector<short>>> nested;
};

World *world;

// One word and what it holds.
template <typename Pointer> static void say(const Pointer &word)
{
    const void *value;
    __builtin_memcpy(&value, &word, sizeof value);
    if (value) {
        std::printf("%lu %lu\n", reinterpret_cast<unsigned long>(&word),
                    reinterpret_cast<unsigned long>(value));
    }
}

// A long string: its first word.
static void say_string(const std::string &string)
{
    say(*reinterpret_cast<void *const *>(&string));
}

template <typename Vector> static void say_vector(const Vector &vector)
{
    say(*reinterpret_cast<void *const *>(&vector));
}

template <typename Tree> static void say_tree(const Tree &tree)
{
    for (auto at = tree.begin(); at != tree.end(); ++at) {
        say(at._M_node->_M_parent);
        say(at._M_node->_M_left);
        say(at._M_node->_M_right);
    }
}

static void fill()
{
    for (int i = 0; i < count; i++) {
        const std::string text = std::to_string(i % 20) + std::string(30, 'x');
        world->map[i * 37 % count] = text;
        world->multiset.insert(text);
        world->list.push_back(text);
        world->forward_list.push_front(std::make_unique<int>(i));
        world->unordered_map[text + std::to_string(i)] = std::vector<int>(i % 7 + 1);
        world->unordered_set.insert(i % 30);
        world->lefts.push_back(std::make_unique<Both>());
        world->rights.push_back(new Both);
        world->shared.push_back(i % 3 ? std::make_shared<std::string>(text)
                                      : std::shared_ptr<std::string>(new std::string(text)));
        world->deque.push_back(std::make_unique<long>(i));
        world->nested.push_back({std::vector<short>(i % 5 + 1), std::vector<short>(40)});
    }
}

static void say_lists()
{
    for (auto at = world->list.begin(); at != world->list.end(); ++at) {
        say(at._M_node->_M_next);
        say(at._M_node->_M_prev);
        say_string(*at);
    }
    for (auto at = world->forward_list.begin(); at != world->forward_list.end(); ++at) {
        say(at._M_node->_M_next);
        say(*at);
    }
    for (const auto &pointer : world->deque) {
        say(pointer);
    }
}

static void say_hashes()
{
    for (auto at = world->unordered_map.begin(); at != world->unordered_map.end(); ++at) {
        say(at._M_cur->_M_nxt);
        say_string(at->first);
        say_vector(at->second);
    }
    for (auto at = world->unordered_set.begin(); at != world->unordered_set.end(); ++at) {
        say(at._M_cur->_M_nxt);
    }
}

static void say_vectors()
{
    say_vector(world->lefts);
    say_vector(world->rights);
    say_vector(world->shared);
    say_vector(world->nested);
    for (int i = 0; i < count; i++) {
        say(world->lefts[i]);
        say(world->rights[i]);
        say(reinterpret_cast<void *const *>(&world->shared[i])[0]); // the string
        say(reinterpret_cast<void *const *>(&world->shared[i])[1]); // its counts
        say_string(*world->shared[i]);
        say_vector(world->nested[i]);
        say_vector(world->nested[i][0]);
        say_vector(world->nested[i][1]);
    }
}

int main()
{
    world = new World;
    fill();
    say_tree(world->map);
    say_tree(world->multiset);
    for (const auto &[number, text] : world->map) {
        say_string(text);
    }
    say_lists();
    say_hashes();
    say_vectors();
    return 0;
}
