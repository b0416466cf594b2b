// Containers of the standard library, kept by a variable and lost, all of the same sizes: the kept ones are reachable to
// their last node, of the lost ones each head is a leak and what hangs on it an indirect one. LeakSanitizer says the same.
#include <cstring>
#include <deque>
#include <forward_list>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace zoo
{
struct Animal {
    virtual ~Animal() = default;
    virtual int legs() const
    {
        return 4;
    }
};
struct Dog : Animal {
    std::string name = std::string(50, 'd');
};
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
} // namespace zoo

static const int count = 100;

struct World {
    std::map<int, std::string> map;
    std::multimap<int, int> multimap;
    std::set<int> set;
    std::list<int> list;
    std::forward_list<int> forward_list;
    std::unordered_map<std::string, int> unordered_map;
    std::unordered_set<int> unordered_set;
    std::deque<int> deque;
    std::vector<std::unique_ptr<zoo::Animal>> animals;
    std::vector<std::vector<int>> vectors;
    std::vector<zoo::Right *> rights;
    std::vector<std::shared_ptr<long>> shared;
};

static __attribute__((noinline)) World *make()
{
    World *world = new World;
    for (int i = 0; i < count; i++) {
        world->map[i] = std::string(40, 'm');
        world->multimap.insert({i, i});
        world->set.insert(i);
        world->list.push_back(i);
        world->forward_list.push_front(i);
        world->unordered_map[std::to_string(i) + std::string(30, 'k')] = i;
        world->unordered_set.insert(i);
        world->deque.push_back(i);
        world->animals.push_back(std::make_unique<zoo::Dog>());
        world->vectors.emplace_back(10);
        world->rights.push_back(new zoo::Both);
        world->shared.push_back(std::make_shared<long>(i));
    }
    return world;
}

World *kept;

// In a thread that ends, and with it the registers and the stack that knew it.
static void lose()
{
    World *volatile lost = make();
    lost = nullptr;
    (void)lost;
}

int main()
{
    std::thread([] { kept = make(); }).join();
    std::thread(lose).join();
    return 0;
}
